"""The run store: what pages, command line and worker know of runs, in one database."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, insert, select

from delta_app.atomic_files import write_json
from delta_app.errors import RunError, StoreError
from delta_app.formatting import counted
from delta_app.runs.database import REPAIR, Database
from delta_app.runs.folder import RunFolder, new_folder, run_folders
from delta_app.runs.queue import Queue
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runs.rows import forget
from delta_app.runs.schema import runs
from delta_app.runs.table import checked_name
from delta_app.runs.trash import move_aside, trash_for

STORE_FILE = "store.sqlite"


class RunStore(Queue):
    """Every run of one folder: a row in the database and a folder beside it.

    Args:
        runs_dir: where the run folders lie; made where it is missing.
        url: the database, as SQLAlchemy takes it; by default a SQLite file in `runs_dir`.

    Raises:
        StoreError: the folder or the database cannot be used, or run folders are there without
            their store.
    """

    def __init__(self, runs_dir: str | Path, url: str | None = None) -> None:
        folder = Path(runs_dir).expanduser().resolve()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The runs folder {folder} cannot be made: {error.strerror}.",
                cure="Choose another folder with --runs-dir or DELTA_RUNS_DIR.",
            ) from error
        file = folder / STORE_FILE
        if url is None and _is_lost(file) and (found := len(run_folders(folder))):
            raise StoreError(
                f"The run store {file} is missing or empty, beside {counted(found, 'run folder')}.",
                cure=REPAIR,
            )
        super().__init__(folder, Database(url or f"sqlite:///{file}"))

    def create(
        self,
        kind: str,
        name: str,
        config: dict[str, Any],
        *,
        method: str,
        method_label: str,
        color: str,
        dataset: str,
        backbone: str,
        wanted_device: str = "auto",
        folder: RunFolder | None = None,
        owner: str | None = None,
    ) -> RunRecord:
        """Put a new run at the end of the queue, with its folder, config.json and run.json.

        Args:
            folder, owner: given by a process that runs it itself: a folder from `new_folder`
                whose owner lock it holds already, and how to call the process.
        """
        name = checked_name(name)
        folder = folder or new_folder(self.runs_dir, method)
        last = select(func.coalesce(func.max(runs.c.queue_position), 0)).scalar_subquery()
        try:
            write_json(folder.config, config)
            with self._database.writing() as connection:
                connection.execute(
                    insert(runs).values(
                        id=folder.path.name,
                        kind=kind,
                        name=name,
                        status=RunStatus.QUEUED,
                        owner=owner,
                        method=method,
                        method_label=method_label,
                        color=color,
                        dataset=dataset,
                        backbone=backbone,
                        config=config,
                        wanted_device=wanted_device,
                        created_at=time.time(),
                        queue_position=last + 1,
                        facts={},
                    )
                )
        except BaseException:
            shutil.rmtree(folder.path, ignore_errors=True)
            raise
        return self.keep(folder.path.name)

    def adopt(self, values: dict[str, Any]) -> RunRecord:
        """Add the row of a run whose folder is there already; a queued one goes to the line's end.

        Args:
            values: its columns; `id` is the folder's name.

        Raises:
            StoreError: the store cannot be written, or has the run already.
        """
        last = select(func.coalesce(func.max(runs.c.queue_position), 0)).scalar_subquery()
        queued = values["status"] is RunStatus.QUEUED
        with self._database.writing() as connection:
            connection.execute(
                insert(runs).values(**values, queue_position=last + 1 if queued else None)
            )
        return self.keep(values["id"])

    def why_unsound(self) -> str | None:
        """What is wrong with the database's file; None where every part of it can be read.

        Raises:
            StoreError: it cannot be looked at now.
        """
        with self._database.reading() as connection:
            if connection.dialect.name != "sqlite":
                return None
            said = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
            if said != "ok":
                return " ".join(str(said).split())
            lost = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        return None if lost is None else f"rows of {lost[0]} belong to no run"

    def delete(self, run_id: str) -> None:
        """Delete a run's row and its folder.

        The folder is moved out of the way first and emptied last, so that whatever happens
        there is no row without its folder.

        Raises:
            RunError: there is no such run, or some process works on it.
            StoreError: the folder cannot be moved.
        """
        record = self.get(run_id)
        aside = trash_for(record.folder)
        moved = False
        try:
            with self._database.writing() as connection:
                # The write lock is held from here on: nobody can claim the run meanwhile.
                row = connection.execute(
                    select(runs.c.status, runs.c.owner).where(runs.c.id == run_id)
                ).one()
                if row.status == RunStatus.RUNNING or (
                    row.status == RunStatus.QUEUED and row.owner is not None
                ):
                    raise RunError(
                        f"Run {record.name!r} is {row.status}, and {row.owner} works on it.",
                        cure="Stop it first.",
                    )
                moved = move_aside(record.folder, aside)
                connection.execute(delete(runs).where(runs.c.id == run_id))
        except BaseException:
            if moved:
                aside.rename(record.folder)
            raise
        forget(self.runs_dir, run_id)
        shutil.rmtree(aside, ignore_errors=True)


def _is_lost(file: Path) -> bool:
    """Whether a store's file is not there, or has nothing in it."""
    try:
        return not file.stat().st_size
    except OSError:
        return True

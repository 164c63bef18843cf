"""The run store: what pages, command line and worker know of runs, in one database."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, select, update

from delta_app.atomic_files import write_json
from delta_app.errors import RunError, StoreError
from delta_app.formatting import some
from delta_app.runs.database import Database
from delta_app.runs.folder import RunFolder, new_folder
from delta_app.runs.measurements import Measurements
from delta_app.runs.records import TRAINING, RunRecord, RunStatus
from delta_app.runs.rows import all_runs, record_of
from delta_app.runs.schema import runs
from delta_app.runs.trash import move_aside, trash_for

STORE_FILE = "store.sqlite"
LONGEST_NAME = 200
_LIST = "See the list of runs."


class RunStore(Measurements):
    """Every run of one folder: a row in the database and a folder beside it.

    Args:
        runs_dir: where the run folders lie; made where it is missing.
        url: the database, as SQLAlchemy takes it; by default a SQLite file in `runs_dir`.

    Raises:
        StoreError: the folder or the database cannot be used.
    """

    def __init__(self, runs_dir: str | Path, url: str | None = None) -> None:
        self.runs_dir = Path(runs_dir).expanduser().resolve()
        try:
            self.runs_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The runs folder {self.runs_dir} cannot be made: {error.strerror}.",
                cure="Choose another folder with --runs-dir or DELTA_RUNS_DIR.",
            ) from error
        super().__init__(Database(url or f"sqlite:///{self.runs_dir / STORE_FILE}"))

    # Making, finding

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
        """Put a new run at the end of the queue, with its folder and config.json.

        Args:
            folder, owner: given by a process that runs it itself: a folder from `new_folder`
                whose owner lock it holds already, and how to call the process.
        """
        folder = folder or new_folder(self.runs_dir, method if kind == TRAINING else kind)
        write_json(folder.config, config)
        last = select(func.coalesce(func.max(runs.c.queue_position), 0)).scalar_subquery()
        with self._database.writing() as connection:
            connection.execute(
                insert(runs).values(
                    id=folder.path.name,
                    kind=kind,
                    name=checked_name(name),
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
        return self.get(folder.path.name)

    def get(self, run_id: str) -> RunRecord:
        """The run of that id.

        Raises:
            RunError: there is none.
        """
        found = self._records(all_runs().where(runs.c.id == run_id))
        if not found:
            raise RunError(f"There is no run {run_id!r} in {self.runs_dir}.", cure=_LIST)
        return found[0]

    def find(self, text: str) -> RunRecord:
        """The run whose id, unique beginning of its id, or name is `text`.

        Raises:
            RunError: no run or several are meant.
        """
        by_id = runs.c.id.startswith(text, autoescape=True)
        found = self._records(all_runs().where(by_id | (runs.c.name == text)))
        exact = [record for record in found if record.id == text]
        found = exact or found
        if not found:
            raise RunError(f"No run is called {text!r} in {self.runs_dir}.", cure=_LIST)
        if len(found) > 1:
            ids = some([record.id for record in found])
            raise RunError(f"{text!r} may mean several runs: {ids}.", cure="Give the whole id.")
        return found[0]

    def runs(
        self, kind: str | None = None, status: RunStatus | Iterable[RunStatus] | None = None
    ) -> list[RunRecord]:
        """All runs, or those of one kind or of these states, newest first."""
        query = all_runs().order_by(runs.c.key.desc())
        if kind is not None:
            query = query.where(runs.c.kind == kind)
        if status is not None:
            wanted = [status] if isinstance(status, RunStatus) else list(status)
            query = query.where(runs.c.status.in_(wanted))
        return self._records(query)

    def names(self) -> set[str]:
        """The names in use."""
        with self._database.reading() as connection:
            return set(connection.scalars(select(runs.c.name)))

    # Changing

    def rename(self, run_id: str, name: str) -> RunRecord:
        """Give a run another name.

        Raises:
            RunError: there is no such run, or the name is empty or too long.
        """
        self.update(run_id, name=checked_name(name))
        return self.get(run_id)

    def update(self, run_id: str, **values: Any) -> None:
        """Set columns of a run.

        Raises:
            RunError: there is no such run.
        """
        if not self._change(runs.c.id == run_id, values):
            raise RunError(f"There is no run {run_id!r} in {self.runs_dir}.", cure=_LIST)

    def set_status(
        self,
        run_id: str,
        to: RunStatus,
        *,
        expected: RunStatus | Sequence[RunStatus],
        **values: Any,
    ) -> None:
        """Take a run from an expected state to another, with further columns, or not at all.

        Raises:
            RunError: the run is not in an expected state (any more).
        """
        states = [expected] if isinstance(expected, RunStatus) else list(expected)
        where = (runs.c.id == run_id) & runs.c.status.in_(states)
        if to is not RunStatus.QUEUED:
            values.setdefault("queue_position", None)
        if not self._change(where, {**values, "status": to}):
            record = self.get(run_id)
            raise RunError(
                f"Run {record.name!r} is {record.status}, expected {' or '.join(states)}.",
                cure="Look at it again: it has changed meanwhile.",
            )

    def request(self, run_id: str, what: str | None) -> RunRecord:
        """Ask a run to "stop", or take the request back with None.

        A run that nobody works on yet is stopped at once.

        Raises:
            RunError: there is no such run, or it has ended already.
        """
        mine = runs.c.id == run_id
        alone = mine & (runs.c.status == RunStatus.QUEUED) & runs.c.owner.is_(None)
        ended = {
            "status": RunStatus.STOPPED,
            "finished_at": time.time(),
            "queue_position": None,
            "phase_detail": "",
        }
        going = mine & runs.c.status.in_([RunStatus.QUEUED, RunStatus.RUNNING])
        if not (what == "stop" and self._change(alone, ended)) and not self._change(
            going, {"request": what}
        ):
            record = self.get(run_id)
            raise RunError(f"Run {record.name!r} is {record.status}: it has ended already.")
        return self.get(run_id)

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
        shutil.rmtree(aside, ignore_errors=True)

    # The queue

    def next_in_line(self, device: str, *, takes_auto: bool) -> RunRecord | None:
        """The first queued run for this device; first come, first served.

        Args:
            device: as torch calls it, with its index ("cuda:0"), or "cpu".
            takes_auto: whether runs that leave the device open count.
        """
        kind = device.partition(":")[0]
        wanted = {device, kind} if device in (kind, f"{kind}:0") else {device}
        if takes_auto:
            wanted.add("auto")
        found = self._records(
            all_runs()
            .where(runs.c.status == RunStatus.QUEUED, runs.c.wanted_device.in_(wanted))
            .order_by(runs.c.queue_position)
            .limit(1)
        )
        return found[0] if found else None

    def claim(self, run_id: str, owner: str) -> bool:
        """Make `owner` the one who runs a queued run; False where it is queued no more.

        The owner lock of the run's folder must be held before, or others would take the run
        for one whose owner died.
        """
        free = (runs.c.id == run_id) & (runs.c.status == RunStatus.QUEUED) & runs.c.owner.is_(None)
        return self._change(free, {"owner": owner, **_begun()})

    def begin(self, run_id: str) -> None:
        """Start a queued run whose owner waited for the device.

        Raises:
            RunError: the run is not queued any more.
        """
        values = _begun()
        self.set_status(run_id, values.pop("status"), expected=RunStatus.QUEUED, **values)

    # Inside

    def _change(self, where: ColumnElement[bool], values: Mapping[str, Any]) -> bool:
        """Compare and set: whether a row met the condition and was changed."""
        with self._database.writing() as connection:
            return connection.execute(update(runs).where(where).values(**values)).rowcount > 0

    def _records(self, query: Select[Any]) -> list[RunRecord]:
        with self._database.reading() as connection:
            return [record_of(row, self.runs_dir) for row in connection.execute(query)]


def _begun() -> dict[str, Any]:
    """What changes in a queued run that starts."""
    return {
        "status": RunStatus.RUNNING,
        "started_at": time.time(),
        "queue_position": None,
        "phase_detail": "",
    }


def checked_name(name: str) -> str:
    """The name on one line, without characters that cannot be seen.

    Raises:
        RunError: nothing is left of it, or it is too long.
    """
    plain = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not plain:
        raise RunError(f"A run needs a name, got {name!r}.", cure="Type one.", field="name")
    if len(plain) > LONGEST_NAME:
        raise RunError(
            f"A run's name has at most {LONGEST_NAME} characters, got {len(plain)}.",
            cure="Shorten it.",
            field="name",
        )
    return plain

"""The table of runs: finding records, and changing them by compare-and-set."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select, update

from delta_app.errors import RunError, StoreError
from delta_app.formatting import some
from delta_app.runs.database import Database
from delta_app.runs.measurements import Measurements
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runs.rows import all_runs, records_of
from delta_app.runs.run_file import keep_run
from delta_app.runs.schema import runs

log = logging.getLogger(__name__)

LONGEST_NAME = 200
_LIST = "See the list of runs."


class RunTable(Measurements):
    """What is known of each run, apart from its points and log.

    What changes a run's state or name writes its run.json too (`delta_app.runs.run_file`).

    Args:
        runs_dir: where the run folders lie.
    """

    def __init__(self, runs_dir: Path, database: Database) -> None:
        super().__init__(database)
        self.runs_dir = runs_dir

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

    def requested(self, run_id: str) -> str | None:
        """What was asked of a run; one cheap look, for a loop to take often."""
        with self._database.reading() as connection:
            return connection.scalar(select(runs.c.request).where(runs.c.id == run_id))

    def owned(self) -> list[RunRecord]:
        """The runs that say a process works on them, or waits with them for a device."""
        waiting = (runs.c.status == RunStatus.QUEUED) & runs.c.owner.is_not(None)
        return self._records(all_runs().where(or_(runs.c.status == RunStatus.RUNNING, waiting)))

    def rename(self, run_id: str, name: str) -> RunRecord:
        """Give a run another name.

        Raises:
            RunError: there is no such run, or the name is empty or too long.
        """
        self.update(run_id, name=checked_name(name))
        return self.keep(run_id)

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
        self.keep(run_id)

    def keep(self, run_id: str) -> RunRecord:
        """The run as it stands now, which its run.json then says as well.

        The store's write lock is held meanwhile, so that of two processes that change a run the
        later one's run.json stays. A store that is locked by then has been told already, and
        nothing is raised for it.
        """
        try:
            with self._database.writing() as connection:
                query = all_runs().where(runs.c.id == run_id)
                for record in records_of(connection, query, self.runs_dir):
                    keep_run(record)
        except StoreError as error:
            log.warning("run %s: its run.json is not up to date: %s", run_id, error)
        return self.get(run_id)

    def _change(self, where: ColumnElement[bool], values: Mapping[str, Any]) -> bool:
        """Compare and set: whether a row met the condition and was changed."""
        with self._database.writing() as connection:
            return connection.execute(update(runs).where(where).values(**values)).rowcount > 0

    def _records(self, query: Select[Any]) -> list[RunRecord]:
        with self._database.reading() as connection:
            return records_of(connection, query, self.runs_dir)


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

"""The line of runs that wait for a device: who is next, who is held, who comes back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import func, select, update

from delta_app.errors import RunError
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runs.rows import all_runs
from delta_app.runs.schema import runs
from delta_app.runs.table import RunTable

RESUMABLE = (
    RunStatus.PAUSED,
    RunStatus.INTERRUPTED,
    RunStatus.FAILED,
    RunStatus.STOPPED,
    RunStatus.COMPLETED,
)

_queued = runs.c.status == RunStatus.QUEUED
_alone = _queued & runs.c.owner.is_(None)
_going = runs.c.status.in_([RunStatus.QUEUED, RunStatus.RUNNING])


class Queue(RunTable):
    """The table of runs with what changes their place in the line, by compare-and-set."""

    # What people ask for

    def request(self, run_id: str, what: Literal["stop", "pause"]) -> RunRecord:
        """Ask a run to stop or to pause.

        A run that nobody works on yet is taken out of the line at once. One that was paused or
        broken off and is now to stop goes back in front, to test what it has. A run that was
        asked to stop is not asked to pause any more.

        Raises:
            RunError: there is no such run, or it has ended already.
        """
        mine = runs.c.id == run_id
        out = {
            "status": RunStatus.STOPPED if what == "stop" else RunStatus.PAUSED,
            "finished_at": time.time(),
            "queue_position": None,
            "phase_detail": "",
        }
        never_began = runs.c.started_at.is_(None)
        held = mine & runs.c.status.in_([RunStatus.PAUSED, RunStatus.INTERRUPTED])
        if what == "stop":
            done = (
                self._change(mine & _alone & never_began, out)
                or self._change(mine & _going, {"request": what})
                or self._change(held & never_began, out)
                or self._change(held, {**self._in_front(), "request": what})
            )
        else:
            not_stopping = runs.c.request.is_(None) | (runs.c.request != "stop")
            done = self._change(mine & _alone & not_stopping, out) or self._change(
                mine & _going & not_stopping, {"request": what}
            )
        if not done:
            record = self.get(run_id)
            if record.stopping or record.status is RunStatus.PAUSED:
                now = "stopping" if record.stopping else "paused"
                raise RunError(f"Run {record.name!r} is {now} already.")
            raise RunError(f"Run {record.name!r} is {record.status}: it has ended already.")
        return self.keep(run_id)

    def put_back(
        self,
        run_id: str,
        *,
        owner: str | None = None,
        expected: Sequence[RunStatus] = RESUMABLE,
        **values: Any,
    ) -> RunRecord:
        """Put a run that was paused, broken off or ended in front of the line again.

        Args:
            owner: the process that will run it itself, and holds its owner lock.
            values: further columns to set.

        Raises:
            RunError: there is no such run, or it is not in an expected state.
        """
        self.set_status(
            run_id,
            RunStatus.QUEUED,
            expected=expected,
            **{**self._in_front(), "owner": owner, "request": None, **values},
        )
        return self.get(run_id)

    def move(self, run_id: str, place: int) -> RunRecord:
        """Give a queued run another place in the line, 1 for the next; beyond its end is the end.

        Raises:
            RunError: there is no such run, or it is not queued.
        """
        with self._database.writing() as connection:
            line = list(
                connection.scalars(select(runs.c.id).where(_queued).order_by(runs.c.queue_position))
            )
            if run_id in line:
                line.remove(run_id)
                line.insert(max(0, place - 1), run_id)
                for number, each in enumerate(line, 1):
                    connection.execute(
                        update(runs).where(runs.c.id == each).values(queue_position=number)
                    )
        record = self.get(run_id)
        if run_id not in line:
            raise RunError(f"Run {record.name!r} is {record.status}, and in no line.")
        return record

    # What workers ask for

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
            .where(_queued, runs.c.wanted_device.in_(wanted))
            .order_by(runs.c.queue_position)
            .limit(1)
        )
        return found[0] if found else None

    def claim(self, run_id: str, owner: str) -> bool:
        """Make `owner` the one who runs a queued run; False where it is queued no more.

        The owner lock of the run's folder must be held before, or others would take the run
        for one whose owner died.
        """
        claimed = self._change((runs.c.id == run_id) & _alone, {"owner": owner, **_begun()})
        if claimed:
            self.keep(run_id)
        return claimed

    def wait(self, run_id: str, words: str) -> None:
        """Say of a queued run what it waits for."""
        self._change((runs.c.id == run_id) & _queued, {"phase_detail": words})

    def begin(self, run_id: str) -> None:
        """Start a queued run whose owner waited for the device.

        Raises:
            RunError: the run is not queued any more.
        """
        values = _begun()
        self.set_status(run_id, values.pop("status"), expected=RunStatus.QUEUED, **values)

    def _in_front(self) -> dict[str, Any]:
        """What changes in a run that is put before all others in the line."""
        others = runs.alias()
        first = (
            select(func.coalesce(func.min(others.c.queue_position), 1))
            .where(others.c.status == RunStatus.QUEUED)
            .scalar_subquery()
        )
        return {
            "status": RunStatus.QUEUED,
            "queue_position": first - 1,
            "finished_at": None,
            "phase_detail": "",
            "error_message": None,
            "error_cure": None,
            "error_log": None,
        }


def _begun() -> dict[str, Any]:
    """What changes in a queued run that starts, or goes on."""
    now = time.time()
    return {
        "status": RunStatus.RUNNING,
        "started_at": func.coalesce(runs.c.started_at, now),
        "resumed_at": now,
        "queue_position": None,
        # What it was doing before it was resumed is not what it does now.
        "phase": "",
        "phase_done": 0,
        "phase_total": None,
        "phase_detail": "",
        "phase_speed": None,
        "phase_at": None,
    }

"""What a run's state is called and how it looks, the same on every page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from delta_app.runs.records import RunRecord, RunStatus

Color = Literal["red", "orange", "green", "violet", "gray"]


@dataclass(frozen=True)
class State:
    """A state's name, icon and colour; never a method's colour."""

    label: str
    icon: str
    color: Color


_STATES = {
    RunStatus.QUEUED: State("Queued", ":material/schedule:", "gray"),
    RunStatus.RUNNING: State("Running", ":material/play_circle:", "violet"),
    RunStatus.PAUSED: State("Paused", ":material/pause_circle:", "gray"),
    RunStatus.COMPLETED: State("Completed", ":material/check_circle:", "green"),
    RunStatus.STOPPED: State("Stopped by you", ":material/stop_circle:", "gray"),
    RunStatus.FAILED: State("Failed", ":material/error:", "red"),
    RunStatus.INTERRUPTED: State("Interrupted", ":material/power_off:", "orange"),
}
_STOPPING = State("Stopping", ":material/hourglass_top:", "orange")
_PAUSING = State("Pausing", ":material/hourglass_top:", "orange")


def state_of(record: RunRecord) -> State:
    """Name, icon and colour of the state a run is in."""
    if record.stopping:
        return _STOPPING
    return _PAUSING if record.pausing else _STATES[record.status]


def state_labels() -> tuple[str, ...]:
    """Every state's name, as a run's life goes."""
    return tuple(state.label for state in (*_STATES.values(), _PAUSING, _STOPPING))

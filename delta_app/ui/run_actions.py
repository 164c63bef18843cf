"""What buttons on any page ask of runs: pause, resume, stop, a place in the queue.

Each is a widget's callback, so that the request is recorded before anything is redrawn. A run that
has moved on meanwhile says so in a toast.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.runs.records import RunRecord
from delta_app.services import resuming, runs
from delta_app.ui.messages import error_text, plain

DOUBLE_CLICK_SECONDS = 0.6
"""A second click on the same run within this time is the same click: what stands under the pointer
by then may be another button."""

_LAST = "run_actions:last"


def pause(run_ids: Sequence[str]) -> None:
    """Ask the runs to pause; those that wait leave the queue."""
    _each(run_ids, resuming.request_pause)


def resume(run_ids: Sequence[str]) -> None:
    """Put the runs in front of the queue, the last of them first."""
    _each(run_ids, resuming.resume)


def stop(run_ids: Sequence[str]) -> None:
    """Ask the runs to stop."""
    _each(run_ids, runs.request_stop)


def move(run_id: str, place: int) -> None:
    """Give a queued run another place in the line."""
    _tell(lambda: runs.move(run_id, place))


def take_out(run_id: str) -> None:
    """Take a run out of the queue, and say how it comes back."""
    record = _tell(lambda: resuming.take_out_of_queue(run_id))
    if record is not None:
        st.toast(
            f"{plain(record.name)} is out of the queue. To put it back: select it and choose "
            "Resume.",
            icon=":material/info:",
        )


def _each(run_ids: Sequence[str], ask: Callable[[str], RunRecord]) -> None:
    for run_id in run_ids:
        if not _clicked_twice(run_id):
            _tell(lambda run_id=run_id: ask(run_id))  # type: ignore[misc]


def _clicked_twice(run_id: str) -> bool:
    last: dict[str, float] = st.session_state.setdefault(_LAST, {})
    now = time.monotonic()
    before, last[run_id] = last.get(run_id), now
    return before is not None and now - before < DOUBLE_CLICK_SECONDS


def _tell(ask: Callable[[], RunRecord]) -> RunRecord | None:
    try:
        return ask()
    except DeltaAppError as error:
        st.toast(error_text(error), icon=":material/info:")
        return None

"""How a run can be held or go on: the one button that is Pause, Resume or Continue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from delta_app.runs.records import ATTENTION, RunRecord, RunStatus
from delta_app.services.resuming import can_continue, can_resume, resume_words

IN_FRONT = "It goes to the front of the queue."

HELD = (RunStatus.PAUSED, RunStatus.INTERRUPTED)
"""What can be stopped although it does not go on: it still has an epoch to test."""

_PAUSE = ":material/pause:"
_RESUME = ":material/play_arrow:"
_CONTINUE = ":material/more_time:"


@dataclass(frozen=True)
class NextStep:
    """The button: what it does, what it is called, and why it cannot be used where it cannot.

    Attributes:
        action: what a click asks for.
        help: what a click does, or why there is none.
    """

    action: Literal["pause", "resume", "continue"]
    label: str
    icon: str
    help: str
    enabled: bool = True


def next_step(run: RunRecord) -> NextStep:
    """What can be done with a run as it stands."""
    if not run.status.ended:
        return _pause(run)
    if can_resume(run):
        return NextStep("resume", "Resume", _RESUME, f"{resume_words(run)} {IN_FRONT}")
    if run.status is RunStatus.COMPLETED and run.kind != ATTENTION:
        if can_continue(run):
            return NextStep("continue", "Continue", _CONTINUE, "Trains it for more epochs.")
        reason = (
            "It has no checkpoint to train on from: it was made by an older version, or its file "
            "was deleted."
        )
        return NextStep("continue", "Continue", _CONTINUE, reason, enabled=False)
    return NextStep("resume", "Resume", _RESUME, _nothing_left(run), enabled=False)


def _pause(run: RunRecord) -> NextStep:
    if run.stopping:
        return NextStep("pause", "Pause", _PAUSE, "It is being stopped.", enabled=False)
    if run.pausing:
        reason = "It finishes this step and keeps where it is."
        return NextStep("pause", "Pausing", _PAUSE, reason, enabled=False)
    if run.status is RunStatus.QUEUED:
        words = "Takes it out of the queue. Resume puts it back, in front."
    else:
        words = "Finishes this step, keeps where it is and frees the device."
    return NextStep("pause", "Pause", _PAUSE, words)


def _nothing_left(run: RunRecord) -> str:
    """Why an ended run cannot be resumed."""
    if run.status is RunStatus.COMPLETED:
        return "The measurement is complete."
    if run.kind == ATTENTION:
        return "It was stopped and keeps what it measured. Measure again measures anew."
    if run.steps and run.step >= run.steps:
        return "It was stopped after its last step: nothing is left to train."
    return "It has no checkpoint to go on from. Run again begins anew."

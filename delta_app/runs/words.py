"""What a run is doing, said to its person: one sentence, and how long it may still take."""

from __future__ import annotations

import time

from delta_app.formatting import count, percent
from delta_app.runs.records import ATTENTION, RunRecord, RunStatus

_ORDINALS = ("next", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")

# What a phase counts, where its own detail does not say so.
_UNITS = {
    "checking pictures": "pictures",
    "decoding pictures": "pictures",
    "testing": "pictures",
    "measuring attention": "filters",
}


def status_words(record: RunRecord) -> str:
    """What the run is doing or how it ended, as a sentence without its full stop."""
    match record.status:
        case RunStatus.QUEUED:
            return _queued(record)
        case RunStatus.RUNNING if record.request == "stop":
            return _stopping(record)
        case RunStatus.RUNNING if record.request == "pause":
            return "Pausing: finishing this step and keeping where it is"
        case RunStatus.RUNNING:
            return _phase(record)
        case RunStatus.PAUSED:
            return _paused(record)
        case RunStatus.COMPLETED:
            return _completed(record)
        case RunStatus.STOPPED:
            return _stopped(record)
        case RunStatus.INTERRUPTED:
            return f"Interrupted: the app ended {_while(record)}"
        case RunStatus.FAILED:
            return f"Failed: {record.error.message if record.error else 'no reason was kept'}"


def time_left(record: RunRecord, now: float | None = None) -> float | None:
    """Seconds until the current phase ends at the speed it had so far; None where unknown, or
    where the phase will not go on to its end."""
    if record.pausing or (record.stopping and record.phase != "testing"):
        return None
    if record.status is not RunStatus.RUNNING or not record.phase_total or not record.phase_speed:
        return None
    since = max(0.0, (time.time() if now is None else now) - (record.phase_at or 0.0))
    remaining = (record.phase_total - record.phase_done) / record.phase_speed
    return max(0.0, remaining - since)


def current_epoch(record: RunRecord) -> int:
    """The epoch that is being trained or validated, from 1; the last one when all are done."""
    per_epoch = record.facts.get("steps_per_epoch")
    done = record.step // per_epoch if per_epoch else record.epoch
    if record.phase_detail:  # its steps are over, its validation is not
        done = max(0, done - 1)
    return min(done + 1, max(record.epochs, 1))


def _queued(record: RunRecord) -> str:
    place = record.queue_position or 1
    ordinal = _ORDINALS[place - 1] if place <= len(_ORDINALS) else f"number {place}"
    waits = f": {record.phase_detail}" if record.phase_detail else ""
    if not record.stopping:
        return f"Queued, {ordinal} in line{waits}"
    ends = "to test its best epoch" if record.best_epoch and _has_test(record) else "to end"
    return f"Stopping: {ordinal} in line {ends}{waits}"


def _phase(record: RunRecord) -> str:
    done, total, detail = record.phase_done, record.phase_total, record.phase_detail
    match record.phase:
        case "":
            return "Starting"
        case "training":
            more = f", {detail}" if detail else ""
            return f"Training: epoch {current_epoch(record)} of {record.epochs}{more}"
        case "training the attention's head" if total:
            return f"Training the attention's head: epoch {min(done + 1, total)} of {total}"
        case "measuring attention" if total and detail:
            return f"Measuring attention: {percent(done / total, 0)} of {detail}"
        case "measuring faithfulness" if total and detail:
            return f"Measuring faithfulness: {percent(done / total, 0)} of {detail}"
    words = record.phase[:1].upper() + record.phase[1:]
    unit = detail or _UNITS.get(record.phase, "")
    if total:
        return f"{words}: {count(done)} of {count(total)} {unit}".rstrip()
    return f"{words}: {detail}" if detail else words


def _paused(record: RunRecord) -> str:
    if record.started_at is None:
        return "Paused before it began"
    if not record.step:
        return "Paused before its first step; resumed, it begins again"
    of = f" of {count(record.steps)}" if record.steps else ""
    if record.steps and record.step >= record.steps:
        return "Paused after its last step; its test is left"
    epochs = max(record.epochs, 1)
    epoch = min(record.epoch + 1, epochs)
    return f"Paused after step {count(record.step)}{of}, in epoch {epoch} of {epochs}"


def _stopping(record: RunRecord) -> str:
    if record.kind == ATTENTION:
        return "Stopping: finishing this step"
    if record.phase == "testing":
        return "Stopping: " + _phase(record)[:1].lower() + _phase(record)[1:]
    if record.phase != "training":
        return "Stopping: finishing this step"
    if record.epoch < 1:
        return "Stopping: finishing this step; no epoch has ended, so there is nothing to test"
    if _has_test(record):
        return "Stopping: finishing this step, then testing the best epoch"
    return "Stopping: finishing this step; the best epoch is kept"


def _stopped(record: RunRecord) -> str:
    if record.started_at is None:
        return "Stopped by you before it began"
    if record.kind == ATTENTION and record.attention is None:
        return "Stopped by you before the attention was measured"
    if record.kind == ATTENTION:
        whole = record.phase == "measuring faithfulness"
        kept = "without its faithfulness" if whole else "as far as it was measured"
        return f"Stopped by you; the attention is kept {kept}"
    if record.best_epoch is None:
        return "Stopped by you before the first epoch ended; nothing was kept"
    kept = "the best epoch was kept"
    tested = " and tested" if record.test_evaluations else ""
    return f"Stopped by you after epoch {record.epoch}; {kept}{tested}"


def _completed(record: RunRecord) -> str:
    if record.kind == ATTENTION:
        return "Completed: the attention was measured"
    if record.test_top1 is not None:
        return f"Completed: {percent(record.test_top1)} of the test pictures right"
    if record.val_top1 is not None:
        return f"Completed: {percent(record.val_top1)} of the validation pictures right"
    return "Completed"


def _while(record: RunRecord) -> str:
    if record.started_at is None:
        return "before it began"
    return "while it ran" if record.epoch < 1 else f"while it ran, after {_so_far(record)}"


def _so_far(record: RunRecord) -> str:
    return f"epoch {record.epoch} of {record.epochs}" if record.epochs else f"step {record.step}"


def _has_test(record: RunRecord) -> bool:
    """Whether there are test pictures, as far as the run has said."""
    pictures = record.facts.get("pictures")
    return not isinstance(pictures, dict) or bool(pictures.get("test", 1))

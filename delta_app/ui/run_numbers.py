"""The numbers over a run's tabs, in words: how far it is, and the four figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from delta_app.formatting import count, counted, duration, percent, significant, size
from delta_app.runs.records import ATTENTION, RunRecord, RunStatus, Series
from delta_app.services import runs
from delta_app.training import metric_names as names

SHOWN = (names.VAL_TOP1, names.LOSS_CROSS_ENTROPY, names.LOSS_BACKBONE, names.LOSS_HEAD)
"""The series that the figures are read from."""

NOTHING = "–"


@dataclass(frozen=True)
class Figure:
    """One number with its name and a line that says what it is of."""

    label: str
    value: str
    note: str


def progress_words(record: RunRecord) -> str:
    """What goes on and how far it is, or how it ended and what it took, on one line."""
    parts = [runs.status_words(record).rstrip(".")]
    if record.status is RunStatus.RUNNING:
        if record.phase == "training":
            parts.append(f"step {count(record.step)} of {count(record.steps)}")
        left = runs.time_left(record)
        if left is not None:
            parts.append(f"{duration(left)} left")
    elif record.status.ended and record.seconds is not None:
        parts.append(duration(record.seconds))
        if record.step and record.status is not RunStatus.PAUSED:  # it says so already
            parts.append(f"{counted(record.step, 'step')}")
    if record.pictures_per_second:
        parts.append(f"{count(round(record.pictures_per_second))} pictures/s")
    if record.device:
        parts.append(record.device)
    if record.memory_bytes:
        parts.append(f"{size(record.memory_bytes)} memory")
    micro_batch = record.facts.get("micro_batch")
    if isinstance(micro_batch, int):
        parts.append(f"micro-batches of {count(micro_batch)}")
    return " · ".join(parts)


def share_done(record: RunRecord) -> float:
    """How far the bar is: the phase of a running run, the training of one that waits or ended."""
    if record.status is RunStatus.COMPLETED:
        return 1.0
    if record.status is not RunStatus.RUNNING:
        return min(1.0, record.step / record.steps) if record.steps else 0.0
    if not record.phase_total:
        return 0.0
    return min(1.0, max(0.0, record.phase_done / record.phase_total))


def figures(record: RunRecord, series: Mapping[str, Series]) -> tuple[Figure, ...]:
    """The four figures of a training run, in the same places from its first second on."""
    if record.kind == ATTENTION:
        return ()
    return (
        _validation(record, series),
        _cross_entropy(record, series),
        _penalty(record, series),
        _test(record),
    )


def _validation(record: RunRecord, series: Mapping[str, Series]) -> Figure:
    label = "Validation accuracy, best"
    if _pictures(record, "val") == 0:
        return Figure(label, NOTHING, "no validation pictures: the last epoch is kept")
    if record.val_top1 is None:
        return Figure(label, NOTHING, _to_come(record, "epoch"))
    note = f"epoch {record.best_epoch} of {record.epochs}"
    last = _last(series, names.VAL_TOP1)
    if last is not None and not record.status.ended:
        note += f", last {percent(last)}"
    return Figure(label, percent(record.val_top1), note)


def _cross_entropy(record: RunRecord, series: Mapping[str, Series]) -> Figure:
    label = "Cross-entropy"
    last = _last(series, names.LOSS_CROSS_ENTROPY)
    if last is None:
        return Figure(label, NOTHING, _to_come(record, "step"))
    first = float(series[names.LOSS_CROSS_ENTROPY].values[0])
    return Figure(label, significant(last), f"last batch; {significant(first)} at the first step")


def _penalty(record: RunRecord, series: Mapping[str, Series]) -> Figure:
    label = "Weighted penalty"
    backbone, head = _last(series, names.LOSS_BACKBONE), _last(series, names.LOSS_HEAD)
    if backbone is None and head is None:
        if _last(series, names.LOSS_CROSS_ENTROPY) is None:
            return Figure(label, NOTHING, _to_come(record, "step"))
        decay = record.config.get("method", {}).get("weight_decay")
        held = "none" if not decay else f"none: weight decay {decay:g}"
        return Figure(label, NOTHING, held)
    terms = [
        f"{letter}·{term} {significant(value)}"
        for letter, term, value in (("α", "backbone", backbone), ("β", "head", head))
        if value is not None
    ]
    return Figure(label, significant((backbone or 0.0) + (head or 0.0)), " + ".join(terms))


def _test(record: RunRecord) -> Figure:
    label = "Test accuracy"
    pictures = _pictures(record, "test")
    if record.test_top1 is not None:
        of = f" on {counted(pictures, 'picture')}" if pictures else ""
        return Figure(
            label, percent(record.test_top1), f"tested {times(record.test_evaluations)}{of}"
        )
    if pictures == 0:
        return Figure(label, NOTHING, "no test pictures")
    if not record.status.unfinished:
        return Figure(label, NOTHING, "not tested")
    return Figure(label, NOTHING, "tested once, when training ends")


def _to_come(record: RunRecord, what: str) -> str:
    """When a number comes, or why it never will."""
    if record.status.unfinished:
        return f"after the first {what}"
    return f"it ended in its first {what}"


def times(number: int) -> str:
    """1 -> "once"; a test set is to be touched once, and more than that is told."""
    return "once" if number == 1 else f"{number} times"


def _pictures(record: RunRecord, split: str) -> int | None:
    """How many pictures a split has; None until the run has said."""
    pictures = record.facts.get("pictures")
    if not isinstance(pictures, dict) or split not in pictures:
        return None
    return int(pictures[split])


def _last(series: Mapping[str, Series], name: str) -> float | None:
    if name not in series or not len(series[name]):
        return None
    return float(series[name].values[-1])

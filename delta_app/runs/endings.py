"""How a run ended whose store could not be told: its own folder says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from delta_app.runs.agreeing import last_step
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import ATTENTION, RunRecord, RunStatus
from delta_app.runs.result_file import ResultFile, read_result
from delta_app.runs.run_file import RunFile, read_run_file

_GOES_ON = (RunStatus.QUEUED, RunStatus.RUNNING)
_TIMES = ("created_at", "started_at", "resumed_at")


def how_it_ended(record: RunRecord) -> dict[str, Any] | None:
    """The columns of a run that says it goes on, as they are since it ended, its status among
    them; None where it was broken off.

    Its run.json counts where it was written at the end of this very stretch of work; else its
    result.json, which is written once all is done, where it is of the steps that were done.
    """
    folder = RunFolder(record.folder)
    try:
        kept = read_run_file(folder.run)
        if kept is not None and _of_this_stretch(kept, record):
            return {name: v for name, v in kept.row().items() if name not in _TIMES}
        result = None if record.kind == ATTENTION else read_result(folder.result)
        if result is not None and _of_these_steps(result, record, last_step(folder)):
            return _columns(result, record, folder.result.stat().st_mtime)
    except (ValueError, OSError):
        return None  # what cannot be read proves nothing
    return None


def _of_this_stretch(kept: RunFile, record: RunRecord) -> bool:
    return (
        kept.status not in _GOES_ON
        and record.resumed_at is not None
        and kept.resumed_at == record.resumed_at
    )


def _of_these_steps(result: ResultFile, record: RunRecord, done: int) -> bool:
    if not result.step or result.step != done:
        return False
    if result.ended == "completed":
        return result.step == wanted_steps(record.config, record.facts)
    return result.ended == "stopped" and record.request == "stop"


def _columns(result: ResultFile, record: RunRecord, ended_at: float) -> dict[str, Any]:
    numbers = result.model_dump(exclude={"ended"})
    if result.ended == "completed":
        numbers["epoch"] = wanted_epochs(record.config)
    return {
        **numbers,
        "status": RunStatus(result.ended),
        "facts": {**record.facts, **numbers},
        "finished_at": ended_at,
        "seconds": record.worked(ended_at),
    }


def wanted_steps(config: Mapping[str, Any], facts: Mapping[str, Any]) -> int | None:
    """Steps of all epochs that a training run was asked for; None before it counted them."""
    per_epoch = facts.get("steps_per_epoch")
    return per_epoch * wanted_epochs(config) if isinstance(per_epoch, int) else None


def wanted_epochs(config: Mapping[str, Any]) -> int:
    """Epochs that a training run was asked for, over all rounds; 0 where its settings tell none."""
    settings = config.get("optimization")
    if not isinstance(settings, Mapping):
        return 0
    epochs = [settings.get("epochs"), *(settings.get("more_epochs") or ())]
    return sum(n for n in epochs if isinstance(n, int))

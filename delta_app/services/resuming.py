"""Pausing runs, resuming what was paused or broken off, continuing what ended.

Every function that takes the runs folder takes it last; None is the default folder of
`delta_app.services.locations`.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from delta_app.errors import RunError
from delta_app.formatting import count, counted, percent
from delta_app.runs.control import Shutdown
from delta_app.runs.folder import RunFolder
from delta_app.runs.foreground import resume_in_foreground
from delta_app.runs.opened import opened
from delta_app.runs.records import ATTENTION, RunRecord, RunStatus
from delta_app.runs.recover import recover
from delta_app.runs.store import RunStore
from delta_app.services import locations
from delta_app.services.forms import PROGRAM, config_of_run
from delta_app.services.going_on import check_may_go_on, check_on_command_line
from delta_app.services.runs import RunsDir
from delta_app.training.observer import Observer
from delta_app.training.run_config import RunConfig

_HELD = (RunStatus.PAUSED, RunStatus.INTERRUPTED, RunStatus.FAILED)


def request_pause(run_id: str, runs_dir: RunsDir = None) -> RunRecord:
    """Ask a run to pause; one that waits in the queue is taken out of it at once.

    Raises:
        RunError: there is no such run, it has ended, or it is stopping.
    """
    store = _store(runs_dir)
    recover(store)
    return store.request(run_id, "pause")


def take_out_of_queue(run_id: str, runs_dir: RunsDir = None) -> RunRecord:
    """Take a queued run out of the line; `resume` puts it back.

    One that never began is stopped then, one that had begun is paused where it was.

    Raises:
        RunError: there is no such run, or it waits no more.
    """
    store = _store(runs_dir)
    recover(store)
    run = store.get(run_id)
    if run.status is not RunStatus.QUEUED:
        raise RunError(f"Run {run.name!r} is {run.status}, and in no line.")
    return store.request(run_id, "stop" if run.started_at is None else "pause")


def can_resume(run: RunRecord) -> bool:
    """Whether a run that does not go on has something left to do."""
    if run.status in _HELD:
        return True
    return run.status is RunStatus.STOPPED and (
        run.started_at is None
        or (_has_checkpoint(run) and run.step < run.steps)
        or _has_begun_to_measure(run)
    )


def can_continue(run: RunRecord) -> bool:
    """Whether a run that did all its epochs can be given more."""
    return run.status is RunStatus.COMPLETED and run.kind != ATTENTION and _has_checkpoint(run)


def resume_words(run: RunRecord) -> str:
    """What resuming a run does, as a sentence."""
    if run.started_at is None:
        return "Begins: it has not run yet."
    if run.kind == ATTENTION:
        begun = _has_begun_to_measure(run)
        return "Goes on with the batches that are left." if begun else "Begins again."
    if not _has_checkpoint(run) and _has_begun_to_measure(run):
        return "Goes on with measuring its attention."
    if not _has_checkpoint(run):
        return "Begins again: it has not come to a checkpoint."
    if run.steps and run.step >= run.steps:
        return "Goes on where it was: all its steps are done, the test is left."
    again = " The test pictures are evaluated once more." if run.test_evaluations else ""
    return f"Goes on from its last checkpoint; it had come to step {count(run.step)}.{again}"


def resume_command(
    run: RunRecord, epochs: int | None = None, runs_dir: str | Path | None = None
) -> str:
    """The command that resumes a run, or continues it for more epochs, shell-quoted.

    Args:
        runs_dir: named where the command must look into this folder and not the default's.
    """
    words = ["runs", "resume", run.id]
    words += [] if epochs is None else ["--epochs", str(epochs)]
    words += [] if runs_dir is None else ["--runs-dir", str(runs_dir)]
    return f"{PROGRAM} {shlex.join(words)}"


def usual_epochs(run: RunRecord) -> int:
    """How many more epochs are offered first: a third of what the run had, at least 1."""
    return max(1, round(run.epochs / 3))


def continue_words(run: RunRecord, epochs: int) -> str:
    """What continuing a run for more epochs does, its schedule said plainly.

    Raises:
        RunError: its settings are of another version.
    """
    settings = _config(run).optimization
    per_epoch = run.facts.get("steps_per_epoch")
    steps = f" ({counted(epochs * per_epoch, 'step')})" if isinstance(per_epoch, int) else ""
    first, last = run.epochs + 1, run.epochs + epochs
    which = f"Epoch {first}" if epochs == 1 else f"Epochs {first} to {last}"
    begins = f"it begins at {settings.lr:g} again"
    match settings.schedule:
        case "constant":
            rate = f"The learning rate stays at {settings.lr:g}."
        case "step":
            rate = (
                f"The step schedule runs anew: {begins}, and after "
                f"{percent(settings.step_at, 0)} of "
                f"these steps is {settings.lr * settings.decay:g}."
            )
        case "exponential":
            rate = (
                f"The exponential schedule runs anew: {begins} and falls to "
                f"{settings.lr * settings.decay:g}."
            )
        case "cosine":
            rate = f"The cosine schedule runs anew: {begins} and falls to 0."
    return (
        f"{which}{steps}, from where the last one ended, momentum and all. {rate} The best epoch "
        "of all is kept, and the test pictures are evaluated once more."
    )


def resume(run_id: str, runs_dir: RunsDir = None) -> RunRecord:
    """Put a run that was paused, broken off, stopped or has failed in front of the queue.

    Raises:
        RunError: there is no such run, or nothing is left for it to do.
        OutsideError: it reads what the app may not.
    """
    store = _store(runs_dir)
    recover(store)
    run = store.get(run_id)
    _refuse_done(run)
    check_may_go_on(run)
    return store.put_back(run_id, expected=(*_HELD, RunStatus.STOPPED))


def continue_for(run_id: str, epochs: int, runs_dir: RunsDir = None) -> RunRecord:
    """Put a run that did all its epochs in front of the queue, with more of them.

    Args:
        epochs: how many more; the learning-rate schedule runs anew over them.

    Raises:
        RunError: there is no such run, it is not complete, or has no checkpoint.
        OutsideError: it reads what the app may not.
    """
    store = _store(runs_dir)
    recover(store)
    run = store.get(run_id)
    longer = _longer(run, epochs)
    check_may_go_on(run)
    return store.put_back(run_id, expected=(RunStatus.COMPLETED,), **longer)


def resume_here(
    run_id: str,
    shutdown: Shutdown,
    runs_dir: RunsDir = None,
    *,
    epochs: int | None = None,
    also: Sequence[Observer] = (),
) -> RunRecord:
    """Resume a run in this process, or continue it for more epochs; the ended run's record.

    Args:
        shutdown: requested where the process is told to end; the run is interrupted then.
        epochs: how many more a run that is complete gets.
        also: observers for progress on the terminal.

    Raises:
        RunError: there is no such run, another process works on it, or nothing is left to do.
        OutsideError: it was imported, and reads what lies outside the roots.
    """
    store = _store(runs_dir)
    recover(store)
    run = store.get(run_id)
    check_on_command_line(run)
    values: dict[str, Any] = {}
    if epochs is None:
        _refuse_done(run)
    else:
        values = _longer(run, epochs)
    return resume_in_foreground(store, run, shutdown, values, also=also)


def _longer(run: RunRecord, epochs: int) -> dict[str, Any]:
    """The columns of a run that gets more epochs."""
    if not can_continue(run):
        why = (
            f"is {run.status}, and only a training run that is complete is continued"
            if run.kind == ATTENTION or run.status is not RunStatus.COMPLETED
            else "has no checkpoint (it is of an older version, or the file was deleted)"
        )
        raise RunError(
            f"Run {run.name!r} {why}.", cure="Resume it, or run again with the epochs you want."
        )
    config = _config(run)
    optimization = config.optimization.model_dump()
    optimization["more_epochs"] = (*(optimization["more_epochs"] or ()), epochs)
    longer = RunConfig.model_validate(config.model_dump() | {"optimization": optimization})
    total = longer.optimization.total_epochs
    per_epoch = run.facts.get("steps_per_epoch")
    steps = {"steps": total * per_epoch} if isinstance(per_epoch, int) else {}
    return {"config": longer.model_dump(mode="json"), "epochs": total, **steps}


def _config(run: RunRecord) -> RunConfig:
    config = config_of_run(run)
    if config is None:
        raise RunError(
            f"The settings of run {run.name!r} are of another version.",
            cure="Run again with new settings.",
        )
    return config


def _refuse_done(run: RunRecord) -> None:
    if can_resume(run):
        return
    if run.status.ended:
        cure = "Continue it for more epochs." if can_continue(run) else "Run it again."
        raise RunError(f"Run {run.name!r} is {run.status}: nothing is left to do.", cure=cure)
    raise RunError(f"Run {run.name!r} is {run.status} already.")


def _has_checkpoint(run: RunRecord) -> bool:
    return RunFolder(run.folder).checkpoint.is_file()


def _has_begun_to_measure(run: RunRecord) -> bool:
    return RunFolder(run.folder).measuring.is_file()


def _store(runs_dir: RunsDir) -> RunStore:
    return opened(locations.runs_dir(None if runs_dir is None else str(runs_dir)))

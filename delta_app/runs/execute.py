"""Runs a run: the one function behind the worker and the command line."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from delta_app.errors import Cancelled, DeltaAppError, StoreError
from delta_app.runs.control import ControlFromStore, Shutdown
from delta_app.runs.folder import RunFolder
from delta_app.runs.log_file import last_lines
from delta_app.runs.records import ATTENTION, RunFailure, RunRecord, RunStatus
from delta_app.runs.run_file import keep_run
from delta_app.runs.store import RunStore
from delta_app.runs.store_observer import LAST_WRITE_SECONDS, StoreObserver
from delta_app.runs.trouble import gone, in_words
from delta_app.training.observer import Control, Observer
from delta_app.training.run_config import RunConfig, settings_error

log = logging.getLogger(__name__)


class Ended(Protocol):
    """What a training function returns, as far as its run's status goes."""

    @property
    def ended(self) -> str: ...


Training = Callable[[RunConfig, Path, Observer, Control], Ended]


def execute(
    store: RunStore,
    run_id: str,
    shutdown: Shutdown,
    *,
    training: Training | None = None,
    also: Sequence[Observer] = (),
) -> RunRecord:
    """Run a run that is in state running to its end, and say in the store how it ended.

    The caller holds the run's owner lock and its device. Whatever happens inside, a person's
    mistake or a programmer's, ends in the store as a failed run with its reason; nothing is
    raised for it.

    Args:
        training: what does the work; by default the training loop, or the measurement of
            attention for a run of that kind.
        also: further observers, such as the command line's progress.

    Returns:
        The record of the ended run, as the store has it; as this process knows it where the store
        could not be told.
    """
    record = store.get(run_id)
    folder = RunFolder(record.folder)
    observer = StoreObserver(store, run_id, folder, also)
    control = ControlFromStore(store, run_id, shutdown)
    started = time.monotonic()
    ending: dict[str, Any] = {}
    status = RunStatus.INTERRUPTED
    try:
        if not folder.path.is_dir():
            raise gone(folder)
        work = training or _training_of(record.kind)
        status = RunStatus(work(_config(record), folder.path, observer, control).ended)
    except Cancelled:
        if not shutdown.requested or shutdown.wanted == "stop":
            status = RunStatus.STOPPED
    except Exception as error:
        # What the ending process took away (a thread pool, a file) is no failure of the run.
        if not shutdown.requested:
            status = RunStatus.FAILED
            ending = _failure(error, observer, folder)
    finally:  # also where Ctrl-C breaks in
        ending["seconds"] = (record.seconds or 0.0) + time.monotonic() - started
        observer.event(*_LAST_WORDS[status])
        patience = LAST_WRITE_SECONDS if observer.close() else 0.0
        told = _ended(observer, status, ending)
        written = _finish(store, run_id, observer, status, ending, patience, told)
    return store.get(run_id) if written else told


_LAST_WORDS: dict[RunStatus, tuple[Any, str]] = {
    RunStatus.COMPLETED: ("info", "Completed."),
    RunStatus.STOPPED: ("info", "Stopped as asked."),
    RunStatus.PAUSED: ("info", "Paused as asked."),
    RunStatus.INTERRUPTED: ("warning", "Interrupted: the app ended."),
    RunStatus.FAILED: ("error", "Failed."),
}


def _training_of(kind: str) -> Training:
    # Imported here: torch and every backbone come with it.
    from delta_app.training.loop import measure_attention, run_training

    return measure_attention if kind == ATTENTION else run_training


def _config(record: RunRecord) -> RunConfig:
    """The settings of a run, checked again: the store may be another version's.

    Raises:
        SettingsError: they do not fit.
    """
    values = record.config.get("run") if record.kind == ATTENTION else record.config
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise settings_error(error) from error


def _failure(error: Exception, observer: StoreObserver, folder: RunFolder) -> dict[str, Any]:
    """Log an error with its traceback; what the record keeps of it."""
    if isinstance(error, DeltaAppError):
        message, cure = error.message, error.cure
    elif isinstance(error, OSError) and (known := in_words(error, folder)) is not None:
        message, cure = known.message, known.cure
    else:
        message = f"{type(error).__name__}: {error}"
        cure = f"This is a mistake of Delta App itself; please report it with {folder.log}."
    observer.event("error", f"{message} {cure}".strip())
    before = last_lines(folder.log)
    trace = "".join(traceback.format_exception(error)).rstrip()
    observer.trace(trace)
    return {
        "error_message": message,
        "error_cure": cure,
        "error_log": f"{before}\n{trace}",
    }


def _ended(observer: StoreObserver, status: RunStatus, ending: dict[str, Any]) -> RunRecord:
    """The record of a run that has just ended, from what this process knows of it."""
    failure = None
    if status is RunStatus.FAILED:
        failure = RunFailure(*(ending.get(f"error_{of}", "") for of in ("message", "cure", "log")))
    return replace(
        observer.record(),
        status=status,
        owner=None,
        request=None,
        seconds=ending["seconds"],
        finished_at=time.time(),
        error=failure,
    )


def _finish(
    store: RunStore,
    run_id: str,
    observer: StoreObserver,
    status: RunStatus,
    values: dict[str, Any],
    patience: float,
    told: RunRecord,
) -> bool:
    """Write how the run ended; False where the store could not be told.

    A store that is locked for a while is waited for; until then, and where it cannot be told at
    all, the run's own folder says how it ended, and the next process to look finds it there.
    """
    deadline = time.monotonic() + patience
    values = {**values, "finished_at": told.finished_at, "request": None, "owner": None}
    # Whoever holds the owner lock knows best, even where another process took it for dead.
    expected = (RunStatus.RUNNING, RunStatus.INTERRUPTED)
    kept = False
    while True:
        try:
            store.set_status(run_id, status, expected=expected, **values)
        except StoreError as error:
            if not kept:
                keep_run(told)
                kept = True
            if time.monotonic() >= deadline:
                said = f"Ended as {status}, which the store could not be told: {error}"
                observer.last_words(said)
                log.error("run %s: %s", run_id, said)
                return False
            time.sleep(0.2)
        else:
            return True

"""Runs a run: the one function behind the worker and the command line."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from delta_app.errors import Cancelled, DeltaAppError, StoreError
from delta_app.runs.control import ControlFromStore, Shutdown
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import ATTENTION, Event, RunRecord, RunStatus
from delta_app.runs.store import RunStore
from delta_app.runs.store_observer import (
    LAST_WRITE_SECONDS,
    StoreObserver,
    append_to_log,
    last_lines,
)
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
        The record of the ended run.
    """
    record = store.get(run_id)
    folder = RunFolder(record.folder)
    observer = StoreObserver(store, run_id, folder, also)
    control = ControlFromStore(store, run_id, shutdown)
    started = time.monotonic()
    ending: dict[str, Any] = {}
    status = RunStatus.INTERRUPTED
    try:
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
        observer.close()
        _finish(store, run_id, folder, status, ending)
    return store.get(run_id)


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
    else:
        message = f"{type(error).__name__}: {error}"
        cure = f"This is a mistake of Delta App itself; please report it with {folder.log}."
    observer.event("error", f"{message} {cure}".strip())
    before = last_lines(folder.log)
    trace = "".join(traceback.format_exception(error)).rstrip()
    append_to_log(folder.log, Event(time.time(), "debug", trace))
    return {
        "error_message": message,
        "error_cure": cure,
        "error_log": f"{before}\n{trace}",
    }


def _finish(
    store: RunStore, run_id: str, folder: RunFolder, status: RunStatus, values: dict[str, Any]
) -> None:
    """Write how the run ended; a store that is locked for a while is waited for."""
    deadline = time.monotonic() + LAST_WRITE_SECONDS
    values = {**values, "finished_at": time.time(), "request": None, "owner": None}
    # Whoever holds the owner lock knows best, even where another process took it for dead.
    expected = (RunStatus.RUNNING, RunStatus.INTERRUPTED)
    while True:
        try:
            return store.set_status(run_id, status, expected=expected, **values)
        except StoreError as error:
            if time.monotonic() >= deadline:
                said = f"Ended as {status}, which the store could not be told: {error}"
                append_to_log(folder.log, Event(time.time(), "error", said))
                log.error("run %s: %s", run_id, said)
                return None
            time.sleep(0.2)

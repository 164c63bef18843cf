"""Runs a run in the process that asks for it, as the command line does."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from delta_app.errors import RunError
from delta_app.runs.control import ControlFromStore, Shutdown
from delta_app.runs.description import describe_run, free_name
from delta_app.runs.execute import Training, execute
from delta_app.runs.folder import RunFolder, new_folder
from delta_app.runs.locks import DeviceLock, own
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runs.store import RunStore
from delta_app.runs.table import checked_name
from delta_app.training.devices import resolve_device
from delta_app.training.observer import Observer
from delta_app.training.run_config import RunConfig

_ENDED = {
    "interrupt": RunStatus.INTERRUPTED,
    "pause": RunStatus.PAUSED,
    "stop": RunStatus.STOPPED,
}

TRY_EVERY = 0.2  # s between two tries to get the device


def run_in_foreground(
    store: RunStore,
    kind: str,
    config: RunConfig,
    name: str | None,
    shutdown: Shutdown,
    *,
    training: Training | None = None,
    also: Sequence[Observer] = (),
) -> RunRecord:
    """Make a run and run it here, when its device is free; returns the ended run's record.

    It shows in the app like any other. While another run has the device it stands in the queue.

    Args:
        also: observers beside the store's. While the run waits they are told so as a phase
            "waiting".

    Raises:
        SettingsError: the device is not one of this machine.
        RunError: the name cannot be used.
        StoreError: the store cannot be used.
    """
    device = DeviceLock(store.runs_dir, str(resolve_device(config.optimization.device)))
    described = describe_run(kind, config)
    name = checked_name(name or free_name(kind, config, store.names()))
    folder = new_folder(store.runs_dir, described["method"])
    lock = own(folder)
    assert lock is not None, "nobody else knows this folder yet"
    try:
        record = store.create(kind, name, **described, folder=folder, owner=_me())
        return _to_its_end(store, record, device, shutdown, training, also)
    finally:
        lock.release()


def resume_in_foreground(
    store: RunStore,
    record: RunRecord,
    shutdown: Shutdown,
    values: Mapping[str, Any],
    *,
    training: Training | None = None,
    also: Sequence[Observer] = (),
) -> RunRecord:
    """Take a run up that was paused, broken off or ended; returns its record once it ends again.

    Args:
        values: columns to set with it.

    Raises:
        RunError: another process works on it, or it goes on already.
        SettingsError: the device is not one of this machine.
        StoreError: the store cannot be used.
    """
    device = DeviceLock(store.runs_dir, str(resolve_device(record.wanted_device)))
    lock = own(RunFolder(record.folder))
    if lock is None:
        raise RunError(
            f"Run {record.name!r} cannot be resumed here: another process works on it, or its "
            f"folder {record.folder} is gone."
        )
    try:
        record = store.put_back(record.id, owner=_me(), **values)
        return _to_its_end(store, record, device, shutdown, training, also)
    finally:
        lock.release()


def _me() -> str:
    return f"the command line, process {os.getpid()}"


def _to_its_end(
    store: RunStore,
    record: RunRecord,
    device: DeviceLock,
    shutdown: Shutdown,
    training: Training | None,
    also: Sequence[Observer],
) -> RunRecord:
    """Run a queued run whose owner this process is."""
    try:
        if not _wait_for_device(store, record, device, shutdown, also):
            return store.get(record.id)
        store.begin(record.id)
        return execute(store, record.id, shutdown, training=training, also=also)
    finally:
        device.release()


def _wait_for_device(
    store: RunStore,
    record: RunRecord,
    device: DeviceLock,
    shutdown: Shutdown,
    also: Sequence[Observer],
) -> bool:
    """Whether the device could be had; False where the run was ended while it waited."""
    control = ControlFromStore(store, record.id, shutdown)
    said = ""
    while not device.acquire(record.owner or ""):
        words = device.in_use()
        if words != said:
            said = words
            store.wait(record.id, words)
            for observer in also:
                observer.phase("waiting", 0, None, words)
        request = control.request()
        if request != "run":
            store.set_status(
                record.id,
                _ENDED[request],
                expected=RunStatus.QUEUED,
                owner=None,
                request=None,
                finished_at=time.time(),
                phase_detail="",
            )
            return False
        shutdown.wait(TRY_EVERY)
    return True

"""The background threads of the app that take runs from the queue, one a device."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path

import torch

from delta_app.errors import DeltaAppError, StoreError
from delta_app.runs.commits import Stamp
from delta_app.runs.control import Shutdown
from delta_app.runs.execute import Training, execute
from delta_app.runs.folder import RunFolder
from delta_app.runs.locks import DeviceLock, is_owned, own
from delta_app.runs.opened import opened
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runs.recover import recover
from delta_app.runs.store import RunStore
from delta_app.runs.trash import empty_trash
from delta_app.training.devices import resolve_device

LOOK_EVERY = 0.5  # s between two looks at an empty queue
REST_AFTER_TROUBLE = 5.0  # s after the store could not be used

log = logging.getLogger(__name__)


class Worker(threading.Thread):
    """Runs queued runs on one device, first come, first served, until the process ends.

    Not a daemon: a daemon thread inside torch when the interpreter ends aborts the process. It
    ends by itself within a step once the main thread has ended, and marks its run interrupted.

    Args:
        device: as torch calls it ("cpu", "cuda:0").
        takes_auto: whether it takes runs that leave the device open.
        training: what does the work; by default the training loop.
    """

    def __init__(
        self,
        store: RunStore,
        device: str,
        *,
        takes_auto: bool,
        shutdown: Shutdown | None = None,
        training: Training | None = None,
    ) -> None:
        super().__init__(name=f"delta-worker-{device}", daemon=False)
        self.device = device
        self._store = store
        self._takes_auto = takes_auto
        self._shutdown = shutdown or Shutdown()
        self._training = training
        self._owner = f"the app, process {os.getpid()}"
        self._device_lock = DeviceLock(store.runs_dir, device)
        self._nothing_at: Stamp | None = None  # when there was nothing in line

    def request_shutdown(self) -> None:
        """End within a step; a run in the middle is marked interrupted."""
        self._shutdown.request()

    def run(self) -> None:
        try:
            while not self._shutdown.requested:
                self._shutdown.wait(self._turn())
        finally:
            self._device_lock.release()

    def _turn(self) -> float:
        """Run the next run in line, if there is one; how long to rest after it."""
        try:
            stamp = self._store.stamp()
            if stamp is not None and stamp == self._nothing_at:
                return LOOK_EVERY
            record = self._store.next_in_line(self.device, takes_auto=self._takes_auto)
            self._nothing_at = stamp if record is None else None
            if record is not None and self._take(record):
                return 0.0
            if record is None:
                self._device_lock.release()
        except DeltaAppError as error:
            log.warning("worker of %s: %s", self.device, error)
            self._device_lock.release()
            return REST_AFTER_TROUBLE
        except Exception:
            log.exception("worker of %s", self.device)
            self._device_lock.release()
            return REST_AFTER_TROUBLE
        return LOOK_EVERY

    def _take(self, record: RunRecord) -> bool:
        """Claim a queued run and run it; False where it must wait or another has it.

        The device is kept from one run to the next, unless the next in line belongs to another
        process: then it is given back, for that one to take.
        """
        if record.owner is not None:
            self._device_lock.release()
            if not is_owned(RunFolder(record.folder)):
                recover(self._store)
            return False
        if not self._device_lock.held and not self._device_lock.acquire(self._owner):
            words = self._device_lock.in_use()
            if record.phase_detail != words:
                self._store.wait(record.id, words)
            return False
        if not record.folder.is_dir():
            self._store.set_status(
                record.id,
                RunStatus.FAILED,
                expected=RunStatus.QUEUED,
                finished_at=time.time(),
                error_message=f"The run's folder {record.folder} is gone.",
                error_cure="Delete the run and start it anew.",
            )
            return False
        try:
            lock = own(RunFolder(record.folder))
        except StoreError as error:
            words = f"waits for the disk: {error.message}"
            if record.phase_detail != words:
                self._store.wait(record.id, words)
            return False
        if lock is None:
            return False
        try:
            if not self._store.claim(record.id, self._owner):
                return False
            execute(self._store, record.id, self._shutdown, training=self._training)
        finally:
            lock.release()
        return True


class Workers:
    """All workers of this process for one runs folder."""

    def __init__(self, store: RunStore) -> None:
        self._shutdown = Shutdown()
        default = str(resolve_device("auto"))
        self.threads = tuple(
            Worker(store, device, takes_auto=device == default, shutdown=self._shutdown)
            for device in devices_of_this_machine()
        )
        for thread in self.threads:
            thread.start()

    def request_shutdown(self) -> None:
        """Have them end within a step; a run in the middle is marked interrupted."""
        self._shutdown.request()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until all have ended; whether they have, where a timeout is given."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in self.threads:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            thread.join(left)
        return not any(thread.is_alive() for thread in self.threads)

    @property
    def ending(self) -> bool:
        """Whether they were asked to end."""
        return self._shutdown.requested


def devices_of_this_machine() -> tuple[str, ...]:
    """Every device that runs can be given, as torch calls them."""
    gpus = tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))
    mps = ("mps",) if torch.backends.mps.is_available() else ()
    return (*gpus, *mps, "cpu")


_starting = threading.Lock()
_started: dict[Path, Workers] = {}


def start_worker(runs_dir: str | Path) -> Workers:
    """Start the workers of a runs folder, once a process, and return them.

    Runs that a process which died left running are marked interrupted first.

    Raises:
        StoreError: the runs folder cannot be used.
    """
    store = opened(runs_dir)
    with _starting:
        running = _started.get(store.runs_dir)
        if running is not None and not running.ending:
            return running
        empty_trash(store.runs_dir)
        recover(store)
        workers = Workers(store)
        _started[store.runs_dir] = workers
        return workers

"""Locks that the system frees when their process dies, however it dies.

The owner lock in a run's folder says that somebody works on the run; the device lock, one a device,
says that it is in use; a third, that the store is repaired or a run imported. All are shared by the
app and the command line.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from delta_app.atomic_files import write_json
from delta_app.errors import StoreError
from delta_app.runs.folder import RunFolder

# Long enough for another process's look at the lock, which holds it for a moment.
_LOOK_SECONDS = 2.0


class ProcessLock:
    """A lock on a file, held by at most one owner on the whole machine until released."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path, thread_local=False)

    def acquire(self, timeout: float = 0.0) -> bool:
        """Whether the lock could be had within `timeout` seconds."""
        try:
            self._lock.acquire(timeout=timeout, poll_interval=0.02)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        """Give the lock back; nothing happens where it is not held."""
        self._lock.release()

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._lock.is_locked


def whole_store_lock(runs_dir: Path) -> ProcessLock:
    """The lock of what adds to a store or makes it anew from folders: one at a time does."""
    folder = runs_dir / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return ProcessLock(folder / "repair.lock")


def own(folder: RunFolder) -> ProcessLock | None:
    """The owner lock of a run, held; None where somebody works on the run or it is gone.

    Raises:
        StoreError: the run's folder cannot be written to.
    """
    if not folder.path.is_dir():
        return None
    lock = ProcessLock(folder.owner_lock)
    try:
        return lock if lock.acquire(_LOOK_SECONDS) else None
    except OSError as error:
        if not folder.path.is_dir():
            return None
        raise StoreError(
            f"The run's folder {folder.path} cannot be written to: {error.strerror}.",
            cure="Make room on the disk, or give yourself the right to write there.",
        ) from error


def is_owned(folder: RunFolder) -> bool:
    """Whether a living process works on the run."""
    return is_held(folder.owner_lock)


def is_held(lock_file: Path) -> bool:
    """Whether a living process holds a lock. The file may be on a disk that is read-only now."""
    if not lock_file.exists():
        return False
    lock = ProcessLock(lock_file)
    try:
        free = lock.acquire()
    except OSError:
        return _is_held_to_a_reader(lock_file)
    lock.release()
    return not free


def _is_held_to_a_reader(lock_file: Path) -> bool:
    """As `is_held`, where the file may only be read; a file that is gone is held by nobody."""
    try:
        import fcntl

        with lock_file.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    except (ImportError, OSError):
        return lock_file.exists()  # not told: a run that goes on must not be taken for dead
    return False


class DeviceLock:
    """The right to compute on one device of this machine, for runs of one folder.

    Args:
        device: as torch calls it ("cpu", "cuda:0").
    """

    def __init__(self, runs_dir: Path, device: str) -> None:
        self.device = device
        # Runs folders may be shared by several machines, each with devices of its own.
        name = f"{socket.gethostname()}-{device}".replace(":", "-").replace(os.sep, "-")
        folder = runs_dir / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = ProcessLock(folder / f"{name}.lock")
        self._note = folder / f"{name}.json"

    def acquire(self, owner: str) -> bool:
        """Whether the device could be had at once; others are told that `owner` has it."""
        if not self._lock.acquire():
            return False
        with suppress(OSError):  # a disk that is full: then nobody can be told, and no more
            write_json(self._note, {"owner": owner})
        return True

    def release(self) -> None:
        """Give the device back; nothing happens where it is not held."""
        if self._lock.held:
            with suppress(OSError):
                self._note.unlink(missing_ok=True)
        self._lock.release()

    @property
    def held(self) -> bool:
        """Whether this object holds the device."""
        return self._lock.held

    def in_use(self) -> str:
        """What a run says that waits, after `acquire` failed: for what, and who has it."""
        words = f"waits for {self.device}"
        with suppress(OSError, ValueError, KeyError, TypeError):  # it may be given back by now
            words += f", in use by {json.loads(self._note.read_text(encoding='utf-8'))['owner']}"
        return words

"""Locks that the system frees when their process dies, however it dies.

Two kinds: the owner lock in a run's folder says that somebody works on the run; the device lock,
one a device, says that it is in use. Both are shared by the app and the command line.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from delta_app.atomic_files import write_json
from delta_app.runs.folder import RunFolder

# Long enough for another process's look at the lock, which holds it for a moment.
_LOOK_SECONDS = 2.0


class ProcessLock:
    """A lock on a file, held by at most one owner on the whole machine until released."""

    def __init__(self, path: Path) -> None:
        self._path = path
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


def own(folder: RunFolder) -> ProcessLock | None:
    """The owner lock of a run, held; None where somebody works on the run or it is gone."""
    if not folder.path.is_dir():
        return None
    lock = ProcessLock(folder.owner_lock)
    return lock if lock.acquire(_LOOK_SECONDS) else None


def is_owned(folder: RunFolder) -> bool:
    """Whether a living process works on the run."""
    if not folder.owner_lock.exists():
        return False
    lock = ProcessLock(folder.owner_lock)
    try:
        free = lock.acquire()
    except OSError:
        return False  # the folder was deleted between the two looks
    lock.release()
    return not free


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
        write_json(self._note, {"owner": owner})
        return True

    def release(self) -> None:
        """Give the device back; nothing happens where it is not held."""
        if self._lock.held:
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

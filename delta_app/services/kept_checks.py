"""Checks of folders kept in this process, so that drawing a page again costs nothing.

A kept check holds as long as no file under its folder changed: name, size, times. Looking at all
of them takes a while in a large folder, so for a moment after a look nothing is looked at.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from delta_app.data.check import check_folder
from delta_app.data.records import DatasetCheck
from delta_app.data.scan import folder_of
from delta_app.errors import Cancelled

_CHECKS_KEPT = 8
_TRUSTED_SECONDS = 1.0  # at least, in which a folder is taken to be unchanged
_TRUSTED_FACTOR = 20  # and at least that many times as long as it took to look


@dataclass
class _Kept:
    """A check with the state its folder was in, and until when that is taken to hold."""

    check: DatasetCheck
    state: str
    trusted_until: float


_kept: OrderedDict[Path, _Kept] = OrderedDict()
_lock = threading.Lock()


def check(
    path: str | Path,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> DatasetCheck:
    """The folder's check; at once where it was checked before and has not changed since.

    Raises:
        Cancelled: `cancelled` said so.
    """
    kept = checked_before(path)
    if kept is not None:
        return kept
    state, seconds = _timed_state(folder_of(path), cancelled)
    found = check_folder(path, on_progress=on_progress, cancelled=cancelled)
    if state is not None:
        _keep(Path(found.root), _Kept(found, state, _trusted(seconds)))
    return found


def checked_before(path: str | Path) -> DatasetCheck | None:
    """The check of a folder that was checked before and has not changed since, else None."""
    folder = folder_of(path)
    with _lock:
        kept = _kept.get(folder)
    if kept is None:
        return None
    if time.monotonic() > kept.trusted_until:
        state, seconds = _timed_state(folder)
        if state != kept.state:
            return None
        kept.trusted_until = _trusted(seconds)
    _keep(folder, kept)
    return kept.check


def _keep(folder: Path, kept: _Kept) -> None:
    with _lock:
        _kept[folder] = kept
        _kept.move_to_end(folder)
        while len(_kept) > _CHECKS_KEPT:
            _kept.popitem(last=False)


def _trusted(seconds: float) -> float:
    return time.monotonic() + max(_TRUSTED_SECONDS, _TRUSTED_FACTOR * seconds)


def _timed_state(
    folder: Path, cancelled: Callable[[], bool] | None = None
) -> tuple[str | None, float]:
    start = time.perf_counter()
    return _state(folder, cancelled), time.perf_counter() - start


def _state(folder: Path, cancelled: Callable[[], bool] | None = None) -> str | None:
    """A digest of every file's name, size and times under a folder; None where it is no folder.

    Raises:
        Cancelled: `cancelled` said so.
    """
    digest = hashlib.sha256()
    waiting, seen = [str(folder)], set[tuple[int, int]]()
    while waiting:
        if cancelled is not None and cancelled():
            raise Cancelled
        current = waiting.pop()
        try:
            status = os.stat(current)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(current) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    digest.update(os.fsencode(entry.path))
                    waiting += [entry.path] if _is_folder(entry, digest) else []
        except OSError as error:
            if current == str(folder):
                return None
            digest.update(str(error.errno).encode())
    return digest.hexdigest()


def _is_folder(entry: os.DirEntry[str], digest: hashlib._Hash) -> bool:
    """Whether the entry is a folder; its size and times go into the digest."""
    try:
        status = entry.stat()
    except OSError as error:
        digest.update(str(error.errno).encode())
        return False
    # The change time tells of new contents under an old date, and of new permissions.
    digest.update(f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\n".encode())
    return entry.is_dir()

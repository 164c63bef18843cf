"""The files of a run folder that came from somebody else, copied as data.

Only files that a run's folder has are taken, by their names, and only regular ones of a bounded
size: a link is not followed, a pipe or a device not opened.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from delta_app.errors import RunError
from delta_app.formatting import size, some

_MB, _GB = 1_000_000, 1_000_000_000

MOST_BYTES = {
    "config.json": 1 * _MB,
    "run.json": 4 * _MB,
    "metrics.jsonl": 128 * _MB,
    "log.txt": 16 * _MB,
    "split.json": 128 * _MB,
    "model.json": 4 * _MB,
    "predictions.json": 256 * _MB,
    "result.json": _MB // 10,
    "attention.json": 64 * _MB,
    "head.safetensors": 1 * _GB,
    "by_picture.safetensors": 2 * _GB,
    "faithfulness.json": 64 * _MB,
    "snapshot.safetensors": 4 * _GB,
    "best.safetensors": 4 * _GB,
    "last.ckpt": 16 * _GB,
    "measuring.ckpt": 4 * _GB,
}
"""Every file that is taken, and how many bytes at most: the largest network of torchvision has
2.6 GB of weights."""

NEEDED = ("config.json", "run.json", "metrics.jsonl", "log.txt")
"""What a run's row, numbers and log are made of: where one of these cannot be used, nothing is."""

_PASSED_OVER = ("owner.lock",)
_AT_ONCE = 1 << 20  # bytes


@dataclass(frozen=True)
class LeftOutFile:
    """A file of the folder that was not taken, and why, to stand after its name."""

    name: str
    why: str


class ForeignFolder:
    """A folder whose known files are copied.

    Args:
        on_file: is told each file's name before it is copied.

    Raises:
        RunError: the folder cannot be listed or has no config.json; its field is folder.
    """

    def __init__(self, source: Path, on_file: Callable[[str], None] | None = None) -> None:
        self.source = source
        self._on_file = on_file or (lambda name: None)
        self._names = _names_in(source)
        if "config.json" not in self._names:
            raise RunError(
                f"{source} is no run's folder: there is no config.json in it.",
                cure="Give the folder of one run, as it lies in a runs folder.",
                field="folder",
            )

    def copy_needed(self, to: Path) -> None:
        """Copy the few small files without which there is no run.

        Raises:
            RunError: one of them is odd or too large; its field is folder.
            OSError: `to` cannot be written to.
        """
        for name, why in self._copied(NEEDED, to):
            raise RunError(
                f"{self.source / name} {why}.",
                cure="Ask whoever sent the folder for the file as the run left it.",
                field="folder",
            )

    def copy_others(self, to: Path) -> list[LeftOutFile]:
        """Copy all other files that a run's folder has; what was left out, other names included.

        Raises:
            OSError: `to` cannot be written to.
        """
        others = [name for name in MOST_BYTES if name not in NEEDED]
        left_out = [LeftOutFile(name, why) for name, why in self._copied(others, to)]
        unknown = sorted(self._names - {*MOST_BYTES, *_PASSED_OVER})
        if unknown:
            left_out.append(LeftOutFile(some(unknown), "is not of a run's folder"))
        return left_out

    def _copied(self, names: Iterable[str], to: Path) -> Iterator[tuple[str, str]]:
        """Copy those that are there; gives each one that was not, and why."""
        for name in names:
            if name not in self._names:
                continue
            self._on_file(name)
            why = _copied(self.source / name, to / name, MOST_BYTES[name])
            if why is not None:
                yield name, why


def _names_in(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries}
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise RunError(
            f"The folder {folder} cannot be listed: {said}.",
            cure="Check its spelling, and whether you may read it.",
            field="folder",
        ) from error


def _copied(source: Path, to: Path, most: int) -> str | None:
    """Copy a file; why it was not, where it was not: then nothing of it stays.

    Raises:
        OSError: `to` cannot be written to.
    """
    try:
        # Looked at before it is opened, since opening a device may do something; and again after,
        # since another may stand there by then.
        odd = _odd(os.lstat(source), most)
        if odd is not None:
            return odd
        descriptor = os.open(source, _FLAGS)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    with open(descriptor, "rb") as content:
        status = os.fstat(descriptor)
        try:
            return _odd(status, most) or _written(content, to, most, _dated(status))
        except _ReadError as error:
            to.unlink(missing_ok=True)
            return f"cannot be read: {error}"


_FLAGS = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_CLOEXEC")
)


def _dated(status: os.stat_result) -> float:
    """When a file says that it was written, as far as that can be."""
    return min(max(status.st_mtime, 0.0), time.time())


class _ReadError(Exception):
    """The file that is copied cannot be read; all other trouble is of the copy."""


def _odd(status: os.stat_result, most: int) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return "is a symbolic link, which is not followed"
    if not stat.S_ISREG(status.st_mode):
        return "is no regular file"
    if status.st_size > most:
        return f"has {size(status.st_size)}, at most {size(most)} are taken"
    return None


def _written(content: BinaryIO, to: Path, most: int, written_at: float) -> str | None:
    done = 0
    with to.open("xb") as copy:
        while chunk := _read(content):
            done += len(chunk)
            if done > most:  # it grew meanwhile
                to.unlink()
                return f"has more than {size(most)}"
            copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    os.utime(to, (written_at, written_at))  # runs of older versions are dated by it
    return None


def _read(content: BinaryIO) -> bytes:
    try:
        return content.read(_AT_ONCE)
    except OSError as error:
        raise _ReadError(error.strerror or error) from error

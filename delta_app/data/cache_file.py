"""One file of decoded pictures: a head, the pixels, a checksum a picture.

A file is written under a temporary name and renamed once it is whole and synced. What a crash,
a full disk or a hand left torn all the same is noticed by its length, its head or its checksums,
and is taken for absent.

    head        64 bytes: format, number of pictures, side, zeros
    pixels      N x size x size x 3 bytes
    checksums   N x 4 bytes: crc32 of each picture, little-endian
"""

from __future__ import annotations

import shutil
import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from delta_app.atomic_files import written_whole
from delta_app.errors import DatasetError
from delta_app.formatting import size as said_size

FORMAT = "delta-app pictures 1"
SUFFIX = ".pictures"
SIZE_LIMIT = 20_000_000_000

_HEAD_BYTES = 64
_SAMPLED = 64  # pictures whose checksum is looked at when a file is only mapped
_TEMPORARY_SECONDS = 24 * 3600  # after which a temporary file belongs to a process that died

Pixels = NDArray[np.uint8]
Shape = tuple[int, int, int, int]


def read(path: Path, shape: Shape, *, in_memory: bool) -> Pixels | None:
    """The pixels in a cache file, (N, size, size, 3); None where it is not there or not whole.

    In memory every picture's checksum is compared; a mapped file is looked at in a sample.
    """
    try:
        if path.stat().st_size != _file_bytes(shape):
            return None
        with path.open("rb") as file:
            if file.read(_HEAD_BYTES) != _head(shape):
                return None
        mapped = np.memmap(path, np.uint8, "r", _HEAD_BYTES, shape)
        sums = np.fromfile(path, "<u4", offset=_HEAD_BYTES + mapped.nbytes)
        pixels = np.array(mapped) if in_memory else mapped
        step = 1 if in_memory else max(1, shape[0] // _SAMPLED)
        for index in {*range(0, shape[0], step), shape[0] - 1}:
            if zlib.crc32(pixels[index].data) != sums[index]:
                return None
        path.touch()  # the oldest is evicted: this one was used now
    except OSError:
        return None
    return pixels


def build(path: Path, shape: Shape, rows: Iterable[Pixels], *, in_memory: bool) -> Pixels:
    """Write decoded pictures to `path` and return them; memory stays bounded where mapped.

    Args:
        rows: (size, size, 3) uint8 each, in order.

    Raises:
        DatasetError: the file is needed, but cannot be written.
    """
    if in_memory:
        pixels = np.empty(shape, np.uint8)
        for index, row in enumerate(rows):
            pixels[index] = row
        with suppress(OSError):  # no place to keep it: decoded again next time
            _write(path, shape, pixels)
        return pixels
    try:
        _refuse_without_room(path, shape)
        _write(path, shape, rows)
        return np.memmap(path, np.uint8, "r", _HEAD_BYTES, shape)
    except OSError as error:
        raise DatasetError(
            f"The decoded pictures ({said_size(_file_bytes(shape))}) do not fit into memory and "
            f"cannot be written to {path.parent}: {error.strerror or error}.",
            cure="Set DELTA_CACHE_DIR to a folder with room, or choose a smaller picture size.",
        ) from error


def evict(folder: Path, limit: int, keep: Path) -> None:
    """Remove the caches used longest ago until all take at most `limit` bytes; never `keep`."""
    now = time.time()
    files = []
    for path in folder.glob(f"*{SUFFIX}*"):
        try:
            status = path.stat()
            if path.suffix == ".tmp":
                if now - status.st_mtime > _TEMPORARY_SECONDS:
                    path.unlink()
            else:
                files.append((status.st_mtime, status.st_size, path))
        except OSError:
            continue
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= limit:
            return
        if path != keep:
            try:
                path.unlink()
            except OSError:
                continue  # in use, on systems that hold on to open files
            total -= size


def _write(path: Path, shape: Shape, rows: Iterable[Pixels]) -> None:
    sums = []
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary, temporary.open("wb") as file:
        file.write(_head(shape))
        for row in rows:
            row = np.ascontiguousarray(row)
            sums.append(zlib.crc32(row.data))
            file.write(row.data)
        file.write(np.array(sums, "<u4").tobytes())


def _refuse_without_room(path: Path, shape: Shape) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path.parent).free
    if free < _file_bytes(shape) * 1.05:
        raise OSError(f"only {said_size(free)} are free")


def _head(shape: Shape) -> bytes:
    return f"{FORMAT} {shape[0]} {shape[1]}".encode().ljust(_HEAD_BYTES, b"\0")


def _file_bytes(shape: Shape) -> int:
    return _HEAD_BYTES + int(np.prod(shape, dtype=np.int64)) + 4 * shape[0]

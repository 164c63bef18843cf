"""Files that are whole or not there: written to a temporary name, synced, renamed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes `path`'s place.

    The file that stood there before stays until then, and stays for good where the block
    raises. The rename is durable: file and folder are synced. The folder must be there: one that
    was deleted while a run goes on does not come back as half of itself.

    Raises:
        OSError: the disk cannot take it, or the folder is not there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{id(path):x}.tmp")
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file that then takes `path`'s place."""
    with written_whole(path) as temporary:
        write(temporary)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    write_whole(path, lambda temporary: temporary.write_text(text + "\n", encoding="utf-8"))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

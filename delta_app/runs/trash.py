"""Folders of deleted runs: moved out of the way at once, emptied afterwards."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from delta_app.errors import StoreError

_PREFIX = ".deleted-"


def trash_for(folder: Path) -> Path:
    """Where a run's folder is moved before it is emptied."""
    return folder.with_name(f"{_PREFIX}{folder.name}-{time.time_ns():x}")


def move_aside(folder: Path, aside: Path) -> bool:
    """Move a folder; False where it is not there (deleted by hand).

    Raises:
        StoreError: it cannot be moved.
    """
    try:
        folder.rename(aside)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(
            f"The run folder {folder} cannot be deleted: {error.strerror}.",
            cure="Close programs that have files in it open, and give yourself the right to "
            "write there.",
        ) from error
    return True


def empty_trash(runs_dir: Path) -> None:
    """Empty what a process that ended in the middle of deleting left behind."""
    for folder in runs_dir.glob(f"{_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)

"""Where the app's own files go, and which folders were used last."""

from __future__ import annotations

import json
import os
from pathlib import Path

import platformdirs

from delta_app.atomic_files import write_json
from delta_app.errors import StoreError

RECENT_FOLDERS = 10


def user_data_dir() -> Path:
    """The user's data directory of this app; not made by asking."""
    return Path(platformdirs.user_data_dir("delta-app", appauthor=False))


def runs_dir(explicit: str | Path | None = None) -> Path:
    """The folder of runs: `explicit`, else DELTA_RUNS_DIR, else in the user's data directory.

    Made where it is missing.

    Raises:
        StoreError: it cannot be made or is a file.
    """
    chosen = str(explicit or os.environ.get("DELTA_RUNS_DIR") or user_data_dir() / "runs")
    folder = Path(os.path.abspath(os.path.expanduser(chosen)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder of runs {folder} cannot be made: {error.strerror or error}.",
            cure="Choose another with --runs-dir or DELTA_RUNS_DIR.",
        ) from error
    return folder


def recent_folders_file() -> Path:
    """A JSON list of folders, the last used first."""
    return user_data_dir() / "recent_folders.json"


def recent_folders() -> tuple[Path, ...]:
    """The folders of pictures used last, newest first, as far as they are still there."""
    return tuple(folder for folder in _remembered() if folder.is_dir())


def remember_folder(folder: str | Path) -> None:
    """Put a folder first among the recent ones. Nothing happens where it cannot be kept."""
    newest = Path(os.path.abspath(folder))
    others = [each for each in _remembered() if each != newest]
    names = [str(each) for each in [newest, *others][:RECENT_FOLDERS]]
    try:
        user_data_dir().mkdir(parents=True, exist_ok=True)
        write_json(recent_folders_file(), names)
    except (OSError, UnicodeEncodeError):
        return  # a convenience: no reason to stop anyone


def _remembered() -> list[Path]:
    try:
        names = json.loads(recent_folders_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return (
        [Path(name) for name in names if isinstance(name, str)] if isinstance(names, list) else []
    )

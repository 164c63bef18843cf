"""Folders to choose from, with the number of pictures in each, within allowed roots."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from delta_app.data.listing import Identity, identity, list_folder
from delta_app.data.names import is_text, printable
from delta_app.errors import DatasetError
from delta_app.formatting import some

_SECONDS_A_LIST = 0.3  # a click is answered within a second: counting stops before


@dataclass(frozen=True)
class FolderEntry:
    """A folder inside the one that is looked at.

    Attributes:
        pictures: in it and beneath it; None where counting took too long or is not allowed.
    """

    name: str
    path: Path
    pictures: int | None


def list_folders(
    path: str | Path, roots: Sequence[Path], *, seconds: float = _SECONDS_A_LIST
) -> list[FolderEntry]:
    """The folders directly in `path`, by name; hidden ones and ways out of the roots left away.

    Args:
        roots: folders that may be looked at, with all beneath; links that lead out are not
            followed.
        seconds: how long counting pictures may take, over all folders together.

    Raises:
        DatasetError: `path` lies outside the roots or cannot be listed.
    """
    folder = Path(os.path.abspath(path))
    if not is_within(folder, roots):
        raise DatasetError(
            f"{printable(str(folder))} lies outside the folders that may be browsed "
            f"({some([printable(str(root)) for root in roots])}).",
            cure="Type its path instead, or add a root to DELTA_BROWSE_ROOTS.",
            field="data",
        )
    try:
        folders = list_folder(folder).folders
    except OSError as error:
        raise DatasetError(
            f"{printable(str(folder))} cannot be listed: {error.strerror or error}.",
            cure="Choose another folder.",
            field="data",
        ) from error
    until = time.monotonic() + seconds
    return [
        FolderEntry(each.name, each, count_pictures(each, until))
        for each in folders
        if is_text(each.name) and is_within(each, roots)
    ]


def is_within(folder: Path, roots: Sequence[Path]) -> bool:
    """Whether a folder lies in one of the roots once all links are resolved."""
    resolved = folder.resolve()
    return any(resolved.is_relative_to(root.resolve()) for root in roots)


def count_pictures(folder: Path, until: float) -> int | None:
    """Pictures in and under a folder; None where that is not allowed or not done by `until`.

    Args:
        until: on the clock of `time.monotonic`.
    """
    number = 0
    waiting, seen = [folder], set[Identity]()
    while waiting:
        if time.monotonic() > until:
            return None
        current = waiting.pop()
        try:
            me = identity(current)
            if me in seen:
                continue
            seen.add(me)
            listing = list_folder(current)
        except OSError:
            if current == folder:
                return None
            continue
        number += len(listing.pictures)
        waiting += listing.folders
    return number

"""Folders to choose from, with the number of pictures in each, within allowed roots."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from delta_app.data.listing import Identity, identity, list_folder
from delta_app.data.names import is_text, printable
from delta_app.data.roots import Roots
from delta_app.errors import DatasetError

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
    path: str | Path, roots: Roots, *, seconds: float = _SECONDS_A_LIST
) -> list[FolderEntry]:
    """The folders directly in `path`, by name; hidden ones and ways out of the roots left away.

    Args:
        roots: what may be looked at; links that lead out are not followed.
        seconds: how long counting pictures may take, over all folders together.

    Raises:
        OutsideError: `path` leads out of the roots.
        DatasetError: it cannot be listed.
    """
    folder = Path(os.path.abspath(path))
    roots.check(folder, folder=True, field="data")
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
        if is_text(each.name) and roots.allow(each)
    ]


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

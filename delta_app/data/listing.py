"""What lies in a folder: its folders and pictures, one level or all the way down.

Symbolic links are followed, but never back into a folder that is already being walked, and
never twice into the same one.
"""

from __future__ import annotations

import os
import stat
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from delta_app.data.names import is_other_picture, is_passed_over, is_picture, is_text
from delta_app.errors import Cancelled

Identity = tuple[int, int]  # device and inode


@dataclass
class Listing:
    """One folder, one level deep, each list by name; hidden and system names left away."""

    folders: list[Path] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)
    refused: list[tuple[Path, str]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def list_folder(folder: Path) -> Listing:
    """What lies directly in a folder.

    Raises:
        OSError: it cannot be listed.
    """
    listing = Listing()
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if not is_passed_over(entry.name):
                _place(entry, listing)
    return listing


def _place(entry: os.DirEntry[str], listing: Listing) -> None:
    path = Path(entry.path)
    try:
        mode = entry.stat().st_mode
    except OSError as error:
        if is_picture(entry.name) or entry.is_symlink():
            listing.refused.append((path, _stat_reason(entry, error)))
        return
    if stat.S_ISDIR(mode):
        listing.folders.append(path)
    elif is_other_picture(entry.name):
        kind = path.suffix[1:].upper()
        listing.refused.append((path, f"is a kind of picture that is not read ({kind})"))
    elif not is_picture(entry.name):
        listing.others.append(entry.name)
    elif not stat.S_ISREG(mode):
        listing.refused.append((path, "is not a plain file"))
    elif not is_text(entry.name):
        listing.refused.append((path, "has a name that is not valid text"))
    else:
        listing.pictures.append(path)


def _stat_reason(entry: os.DirEntry[str], error: OSError) -> str:
    if entry.is_symlink():
        return "is a link that leads nowhere"
    if isinstance(error, PermissionError):
        return "may not be read (no permission)"
    return f"cannot be read ({error.strerror or error})"


@dataclass
class Walk:
    """All pictures under a folder, by path, and what was refused on the way."""

    pictures: list[Path] = field(default_factory=list)
    refused: list[tuple[Path, str]] = field(default_factory=list)


def walk_pictures(
    folder: Path,
    above: tuple[Path, ...] = (),
    *,
    on_folder: Callable[[int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Walk:
    """All pictures under `folder`, nested folders included.

    Args:
        above: folders that a link may not lead back into: the dataset's own.
        on_folder: called with the number of pictures found in each folder.

    Raises:
        Cancelled: `cancelled` said so.
        OSError: `folder` itself cannot be listed.
    """
    walk = Walk()
    seen = {identity(each) for each in above}
    waiting = [folder]
    while waiting:
        if cancelled is not None and cancelled():
            raise Cancelled
        current = waiting.pop()
        try:
            me = identity(current)
            if me in seen:
                walk.refused.append((current, "is a link back to a folder that is already read"))
                continue
            seen.add(me)
            listing = list_folder(current)
        except OSError as error:
            if current == folder:
                raise
            reason = "may not be listed (no permission)"
            if not isinstance(error, PermissionError):
                reason = f"cannot be listed ({error.strerror or error})"
            walk.refused.append((current, reason))
            continue
        walk.pictures += listing.pictures
        walk.refused += listing.refused
        waiting += reversed(listing.folders)
        if on_folder is not None:
            on_folder(len(listing.pictures))
    walk.pictures.sort()
    return walk


def identity(path: Path) -> Identity:
    """What tells one folder from another, whichever link led there."""
    status = path.stat()
    return status.st_dev, status.st_ino


def holds_pictures(folder: Path, *, depth: int = 4, folders: int = 500) -> bool:
    """Whether a picture lies in `folder` or beneath it, as far as a short look tells."""
    return next(_short_look(folder, depth, folders), None) is not None


def count_pictures(folder: Path, *, seconds: float, depth: int = 20) -> int | None:
    """Pictures in and under a folder; None where that takes too long or may not be looked at."""
    until = time.monotonic() + seconds
    number = 0
    try:
        list_folder(folder)
    except OSError:
        return None
    for found in _short_look(folder, depth, folders=100_000, until=until):
        number += found
    return None if time.monotonic() > until else number


def _short_look(
    folder: Path, depth: int, folders: int, until: float | None = None
) -> Iterator[int]:
    """Yield the pictures of each folder that has some, breadth first, within limits."""
    level, seen = [folder], set[Identity]()
    for _ in range(depth):
        below: list[Path] = []
        for current in level:
            if folders == 0 or (until is not None and time.monotonic() > until):
                return
            folders -= 1
            try:
                me = identity(current)
                if me in seen:
                    continue
                seen.add(me)
                listing = list_folder(current)
            except OSError:
                continue
            if listing.pictures:
                yield len(listing.pictures)
            below += listing.folders
        level = below


def class_name(folder: Path) -> str:
    """A class's name: its folder's, in one Unicode form whichever system wrote it."""
    return unicodedata.normalize("NFC", folder.name)

"""What lies in a folder: its folders and pictures, one level or all the way down.

Symbolic links are followed, but never back into a folder that is already being walked, and
never twice into the same one.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
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


def folders_in(folder: Path) -> list[Path]:
    """The folders directly in a folder, by name; none where it cannot be listed.

    Files are passed over without a look: there may be thousands.
    """
    try:
        with os.scandir(folder) as entries:
            found = [entry.path for entry in entries if _is_folder(entry)]
    except OSError:
        return []
    return [Path(path) for path in sorted(found)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return not is_passed_over(entry.name) and entry.is_dir()
    except OSError:  # a link in a circle
        return False


def _place(entry: os.DirEntry[str], listing: Listing) -> None:
    path = Path(entry.path)
    try:
        if entry.is_dir():
            listing.folders.append(path)
            return
        plain = entry.is_file()  # both need no look at the file itself, unless it is a link
    except OSError as error:
        listing.refused.append((path, f"cannot be read ({error.strerror or error})"))
        return
    if entry.is_symlink() and not path.exists():
        listing.refused.append((path, "is a link that leads nowhere"))
    elif is_other_picture(entry.name):
        kind = path.suffix[1:].upper()
        listing.refused.append((path, f"is a kind of picture that is not read ({kind})"))
    elif not is_picture(entry.name):
        listing.others.append(entry.name)
    elif not plain:
        listing.refused.append((path, "is not a plain file"))
    elif not is_text(entry.name):
        listing.refused.append((path, "has a name that is not valid text"))
    else:
        listing.pictures.append(path)


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
    level, seen = [folder], set[Identity]()
    for _ in range(depth):
        below: list[Path] = []
        for current in level:
            folders -= 1
            if folders < 0:
                return False
            try:
                me = identity(current)
                if me in seen:
                    continue
                seen.add(me)
                with os.scandir(current) as entries:
                    for entry in entries:
                        if is_passed_over(entry.name):
                            continue
                        if is_picture(entry.name) and entry.is_file():
                            return True
                        if entry.is_dir():
                            below.append(Path(entry.path))
            except OSError:
                continue
        level = below
    return False


def class_name(folder: Path) -> str:
    """A class's name: its folder's, in one Unicode form whichever system wrote it."""
    return unicodedata.normalize("NFC", folder.name)

"""What pages do with a folder of pictures: check it, preview its splits, look at it, find it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image

from delta_app.config import DataSettings
from delta_app.data.browse import FolderEntry, is_within, list_folders
from delta_app.data.decode import decoded, read_bytes
from delta_app.data.listing import list_folder
from delta_app.data.records import DatasetCheck, Picture, Splits
from delta_app.data.scan import folder_of
from delta_app.data.splits import make_splits
from delta_app.errors import DatasetError
from delta_app.services.background import InBackground
from delta_app.services.kept_checks import check, checked_before
from delta_app.services.locations import recent_folders, remember_folder

__all__ = [
    "Browsed",
    "CheckInBackground",
    "FolderEntry",
    "Sample",
    "browse",
    "browse_roots",
    "check",
    "checked_before",
    "may_browse",
    "preview",
    "recent_folders",
    "remember_folder",
    "samples",
    "thumbnail",
]

_THUMBNAILS_KEPT = 256


class CheckInBackground(InBackground[DatasetCheck]):
    """A folder's check in a thread, watched and cancelled by a page.

    Ended once `finished`; then `result` is the check, or `error` says why there is none.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        super().__init__(
            lambda on_progress, cancelled: check(
                path, on_progress=on_progress, cancelled=cancelled
            ),
            "check",
        )

    @property
    def progress(self) -> tuple[int, int]:
        """Pictures decoded, and pictures found so far."""
        return self.done, self.total or 0


# Looking


def preview(found: DatasetCheck, settings: DataSettings) -> Splits:
    """The splits that a run with these settings would have.

    Raises:
        DatasetError: there would be none; its field says which setting to change.
    """
    return make_splits(found, settings)


@dataclass(frozen=True)
class Sample:
    """A small picture with its class."""

    picture: Picture
    class_name: str
    image: Image.Image


def samples(found: DatasetCheck, most: int = 6, *, side: int = 160) -> tuple[Sample, ...]:
    """Up to `most` training pictures, from as many classes as can be, the same every time."""
    by_class: list[list[Picture]] = [[] for _ in found.classes]
    for picture in found.given.get("train", ()):
        by_class[picture.label].append(picture)
    filled = [sorted(each, key=lambda picture: picture.digest) for each in by_class if each]
    if len(filled) > most:  # spread over all classes, not the first of the alphabet
        filled = [filled[place * len(filled) // most] for place in range(most)]
    chosen: list[Picture] = []
    for turn in range(most):
        chosen += [each[turn] for each in filled if turn < len(each)]
        if len(chosen) >= most:
            break
    shown = []
    for picture in sorted(chosen[:most], key=lambda picture: picture.label):
        try:
            image = thumbnail(picture, side)
        except DatasetError:  # gone since the check; the next check will tell
            continue
        shown.append(Sample(picture, found.classes[picture.label], image))
    return tuple(shown)


@lru_cache(maxsize=_THUMBNAILS_KEPT)
def thumbnail(picture: Picture, side: int) -> Image.Image:
    """The picture in small, its longer side at most `side` px, its aspect kept.

    Raises:
        DatasetError: it can no longer be read.
    """
    with decoded(read_bytes(picture.path), least=side) as image:
        image.thumbnail((side, side))
        return image


# Finding


@dataclass(frozen=True)
class Browsed:
    """One folder as the browser shows it.

    Attributes:
        parent: the folder above; None at the top of what may be browsed.
        folders: the folders in it, with their pictures.
        pictures: those that lie directly in it.
        roots: where browsing may start.
    """

    folder: Path
    parent: Path | None
    folders: tuple[FolderEntry, ...]
    pictures: int
    roots: tuple[Path, ...]


def browse(path: str | Path | None = None) -> Browsed:
    """The folders in `path`; the first root where none is given.

    Raises:
        DatasetError: it lies outside the roots or cannot be listed.
    """
    roots = browse_roots()
    folder = folder_of(path) if path else roots[0]
    entries = list_folders(folder, roots)
    above = folder.parent
    parent = above if above != folder and is_within(above, roots) else None
    return Browsed(folder, parent, tuple(entries), len(list_folder(folder).pictures), roots)


def may_browse(path: Path) -> bool:
    """Whether `browse` would go there."""
    return os.path.isdir(path) and is_within(path, browse_roots())


def browse_roots() -> tuple[Path, ...]:
    """DELTA_BROWSE_ROOTS (separated like PATH), else home, the working folder and usual drives."""
    chosen = os.environ.get("DELTA_BROWSE_ROOTS")
    if chosen:
        return tuple(folder_of(each) for each in chosen.split(os.pathsep) if each)
    usual = [Path.home(), Path.cwd(), *map(Path, ("/data", "/mnt", "/media", "/Volumes"))]
    return tuple(dict.fromkeys(folder for folder in usual if folder.is_dir()))

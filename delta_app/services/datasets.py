"""What pages do with a folder of pictures: check it, preview its splits, look at it, find it."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from PIL import Image

from delta_app.config import DataSettings
from delta_app.data.browse import FolderEntry, list_folders
from delta_app.data.decode import decoded, read_bytes
from delta_app.data.listing import list_folder
from delta_app.data.records import DatasetCheck, Picture, Splits
from delta_app.data.scan import folder_of
from delta_app.data.splits import make_splits
from delta_app.errors import DeltaAppError
from delta_app.services import allowed, kept_checks, locations
from delta_app.services.background import InBackground, IsCancelled, OnProgress
from delta_app.services.kept_checks import check
from delta_app.services.locations import remember_folder

__all__ = [
    "Browsed",
    "CheckInBackground",
    "FolderEntry",
    "Sample",
    "browse",
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
_PREVIEWS_KEPT = 4
_previews: deque[tuple[DatasetCheck, DataSettings, Splits]] = deque(maxlen=_PREVIEWS_KEPT)


class CheckInBackground(InBackground[DatasetCheck]):
    """A folder's check in a thread, watched and cancelled by a page.

    Ended once `finished`; then `result` is the check, or `error` says why there is none: the
    folder, or a link in it, leads out of what the app may read.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        super().__init__(self._check, "check")

    def _check(self, on_progress: OnProgress, cancelled: IsCancelled) -> DatasetCheck:
        allowed.check_data(self.path)
        found = check(self.path, on_progress=on_progress, cancelled=cancelled)
        return _within_roots(found)

    @property
    def progress(self) -> tuple[int, int]:
        """Pictures decoded, and pictures found so far."""
        return self.done, self.total or 0


def checked_before(path: str | Path) -> DatasetCheck | None:
    """The check of a folder that was checked before and has not changed since, else None."""
    kept = kept_checks.checked_before(path)
    return None if kept is None else _within_roots(kept)


def _within_roots(found: DatasetCheck) -> DatasetCheck:
    """The check without advice to choose a folder that the app may not read.

    A warning that is nothing else is left out: it would name what lies beside the folder.
    """
    roots = allowed.roots()
    problems = []
    for problem in found.problems:
        if problem.suggestion is None or roots.allow(problem.suggestion):
            problems.append(problem)
        elif problem.level == "error":
            problems.append(replace(problem, cure="Choose another folder.", suggestion=None))
    return found if problems == list(found.problems) else replace(found, problems=tuple(problems))


# Looking


def preview(found: DatasetCheck, settings: DataSettings) -> Splits:
    """The splits that a run with these settings would have.

    A form asks at every click, and cutting 100,000 pictures takes seconds: the last few are kept.

    Raises:
        DatasetError: there would be none; its field says which setting to change.
    """
    for checked, with_settings, splits in tuple(_previews):
        if checked is found and with_settings == settings:
            return splits
    splits = make_splits(found, settings)
    _previews.append((found, settings, splits))
    return splits


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
        except DeltaAppError:  # gone since the check; the next check will tell
            continue
        shown.append(Sample(picture, found.classes[picture.label], image))
    return tuple(shown)


def thumbnail(picture: Picture, side: int) -> Image.Image:
    """The picture in small, its longer side at most `side` px, its aspect kept.

    Raises:
        OutsideError: its file lies outside what the app may read.
        DatasetError: it can no longer be read.
    """
    allowed.check_picture(picture.path)
    return _small(picture, side)


@lru_cache(maxsize=_THUMBNAILS_KEPT)
def _small(picture: Picture, side: int) -> Image.Image:
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
        OutsideError: it leads out of the roots.
        DatasetError: it cannot be listed.
    """
    roots = allowed.roots()
    folder = folder_of(path) if path else roots.chosen[0]
    entries = list_folders(folder, roots)
    above = folder.parent
    parent = above if above != folder and roots.allow(above) else None
    return Browsed(folder, parent, tuple(entries), len(list_folder(folder).pictures), roots.chosen)


def may_browse(path: Path) -> bool:
    """Whether `browse` would go there."""
    return allowed.roots().allow(path) and os.path.isdir(path)


def recent_folders() -> tuple[Path, ...]:
    """The folders of pictures used last, newest first, that are there and may be read."""
    roots = allowed.roots()
    return tuple(folder for folder in locations.recent_folders() if roots.allow(folder))

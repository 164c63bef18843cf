"""Which folder near the chosen one would be the right one, by a short look."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from delta_app.data.listing import Listing, folders_in, holds_pictures, list_folder
from delta_app.data.names import split_of

_LEVELS_BELOW = 3
_FOLDERS_BELOW = 60


def class_folders(folder: Path) -> Iterator[Path]:
    """The folders directly in `folder` that hold pictures, split folders included, by name."""
    return (each for each in folders_in(folder) if holds_pictures(each))


def has_class_folders(folder: Path) -> bool:
    """Whether there is one at least."""
    return next(class_folders(folder), None) is not None


def looks_split(folder: Path) -> bool:
    """Whether `folder` has a training folder with folders of pictures in it."""
    return any(
        split_of(each.name) == "train" and has_class_folders(each) for each in folders_in(folder)
    )


def looks_like_a_dataset(folder: Path) -> bool:
    """Whether `folder` has splits, or two classes that are no datasets and nothing beside them."""
    if looks_split(folder):
        return True
    classes = list(class_folders(folder))
    return (
        len(classes) >= 2
        and not _listing(folder).pictures
        and not any(looks_split(each) for each in classes)
    )


def folder_below(folder: Path) -> Path | None:
    """The nearest folder beneath `folder` that looks like a dataset."""
    level = [folder]
    for _ in range(_LEVELS_BELOW):
        level = [below for each in level for below in class_folders(each)][:_FOLDERS_BELOW]
        for candidate in level:
            if looks_like_a_dataset(candidate):
                return candidate
    return None


def folder_above(folder: Path) -> Path | None:
    """The parent, or its parent, where that looks like the dataset `folder` belongs to."""
    for candidate in list(folder.parents)[:2]:
        if looks_split(candidate):
            return candidate
    parent = folder.parent
    if parent in (folder, Path.home(), Path(parent.anchor)):
        return None
    return parent if looks_like_a_dataset(parent) else None


def similar_folder(missing: Path) -> Path | None:
    """A folder beside where `missing` should be whose name is nearly the same."""
    names = [each.name for each in folders_in(missing.parent)]
    by_folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(missing.name.casefold(), list(by_folded), n=1, cutoff=0.7)
    return missing.parent / by_folded[close[0]] if close else None


def _listing(folder: Path) -> Listing:
    try:
        return list_folder(folder)
    except OSError:
        return Listing()

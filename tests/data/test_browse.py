"""Browsing shows folders with their pictures, and stays within its roots."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from delta_app.data.browse import count_pictures, list_folders
from delta_app.data.roots import Roots
from delta_app.errors import DatasetError, OutsideError

Folder = Callable[..., Path]


def test_folders_with_their_pictures(folder_of_classes: Folder) -> None:
    root = folder_of_classes({"b": 2, "a/deep/er": 3, "a": 1, ".hidden": 2, "__MACOSX": 1})
    (root / "c").mkdir()
    (root / "notes.txt").write_text("x")
    entries = list_folders(root, Roots((root,)))
    assert [(e.name, e.path, e.pictures) for e in entries] == [
        ("a", root / "a", 4),
        ("b", root / "b", 2),
        ("c", root / "c", 0),
    ]


def test_stays_within_the_roots(folder_of_classes: Folder, tmp_path: Path) -> None:
    root = folder_of_classes({"a": 1})
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "out").symlink_to(outside)
    (root / "in").symlink_to(root / "a")
    assert [e.name for e in list_folders(root, Roots((root,)))] == ["a", "in"]
    for path in (outside, root / "out", root / "..", root / ".." / "outside"):
        with pytest.raises(OutsideError, match="outside the folders that this app may read"):
            list_folders(path, Roots((root,)))
    assert [e.name for e in list_folders(root, Roots((root, outside)))] == ["a", "in", "out"]


def test_counting_stops_in_time(folder_of_classes: Folder) -> None:
    root = folder_of_classes({"a": 1, "b": 1})
    assert [e.pictures for e in list_folders(root, Roots((root,)), seconds=-1)] == [None, None]
    assert count_pictures(root, time.monotonic() + 5) == 2


def test_circles_end(folder_of_classes: Folder) -> None:
    root = folder_of_classes({"a": 2})
    (root / "a" / "back").symlink_to(root)
    assert count_pictures(root, time.monotonic() + 5) == 2


def test_what_may_not_be_listed(
    folder_of_classes: Folder,
    open_folder: Path,
    locked: Callable[[Path], AbstractContextManager[None]],
) -> None:
    root = folder_of_classes({"a": 1}, open_folder / "animals")
    with locked(root / "a"):
        assert [e.pictures for e in list_folders(root, Roots((root,)))] == [None]
        with pytest.raises(DatasetError, match="cannot be listed"):
            list_folders(root / "a", Roots((root,)))
    with pytest.raises(DatasetError, match="cannot be listed: No such file"):
        list_folders(root / "gone", Roots((root,)))

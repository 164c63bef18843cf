"""Browsing shows folders with their pictures, and stays within its roots."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from delta_app.data.browse import count_pictures, list_folders
from delta_app.errors import DatasetError

Folder = Callable[..., Path]


def test_folders_with_their_pictures(folder_of_classes: Folder) -> None:
    root = folder_of_classes({"b": 2, "a/deep/er": 3, "a": 1, ".hidden": 2, "__MACOSX": 1})
    (root / "c").mkdir()
    (root / "notes.txt").write_text("x")
    entries = list_folders(root, [root])
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
    assert [e.name for e in list_folders(root, [root])] == ["a", "in"]
    for path in (outside, root / "out", root / "..", root / ".." / "outside"):
        with pytest.raises(DatasetError, match="lies outside the folders that may be browsed"):
            list_folders(path, [root])
    assert [e.name for e in list_folders(root, [root, outside])] == ["a", "in", "out"]


def test_counting_stops_in_time(folder_of_classes: Folder) -> None:
    root = folder_of_classes({"a": 1, "b": 1})
    assert [e.pictures for e in list_folders(root, [root], seconds=-1)] == [None, None]
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
        assert [e.pictures for e in list_folders(root, [root])] == [None]
        with pytest.raises(DatasetError, match="cannot be listed"):
            list_folders(root / "a", [root])
    with pytest.raises(DatasetError, match="cannot be listed: No such file"):
        list_folders(root / "gone", [root])

"""Folders are walked through links, but never in circles."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from delta_app.data.listing import class_name, holds_pictures, list_folder, walk_pictures
from delta_app.errors import Cancelled


def names(paths: list[Path], root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in paths]


def test_lists_by_kind_and_passes_over_hidden(tmp_path: Path, draw: Callable[..., Path]) -> None:
    draw(tmp_path / "b.PNG")
    draw(tmp_path / "a.jpg")
    draw(tmp_path / "._a.jpg")
    for name in ("notes.txt", "Thumbs.db", ".DS_Store", "phone.heic"):
        (tmp_path / name).write_text("x")
    for name in ("cats", "__MACOSX", ".ipynb_checkpoints"):
        (tmp_path / name).mkdir()
    listing = list_folder(tmp_path)
    assert names(listing.pictures, tmp_path) == ["a.jpg", "b.PNG"]
    assert names(listing.folders, tmp_path) == ["cats"]
    assert listing.others == ["notes.txt"]
    [(path, reason)] = listing.refused
    assert path.name == "phone.heic"
    assert "HEIC" in reason


def test_walks_nested_folders_and_links(tmp_path: Path, draw: Callable[..., Path]) -> None:
    root = tmp_path / "cats"
    draw(root / "z.png")
    draw(root / "a" / "deep" / "1.png")
    draw(tmp_path / "elsewhere" / "2.png")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "3.png").symlink_to(tmp_path / "elsewhere" / "2.png")
    assert names(walk_pictures(root).pictures, root) == [
        "3.png",
        "a/deep/1.png",
        "linked/2.png",
        "z.png",
    ]


def test_links_in_a_circle_end(tmp_path: Path, draw: Callable[..., Path]) -> None:
    root = tmp_path / "data"
    draw(root / "cats" / "1.png")
    draw(root / "dogs" / "2.png")
    (root / "cats" / "self").symlink_to(root / "cats")
    (root / "cats" / "up").symlink_to(root)
    (root / "cats" / "one").symlink_to(root / "cats" / "two")
    (root / "cats" / "two").symlink_to(root / "cats" / "one")
    walk = walk_pictures(root / "cats", (root,))
    assert names(walk.pictures, root) == ["cats/1.png"]
    refused = {path.name: reason for path, reason in walk.refused}
    assert sorted(refused) == ["one", "self", "two", "up"]
    assert "link back" in refused["up"]


def test_the_same_folder_by_two_links_counts_once(
    tmp_path: Path, draw: Callable[..., Path]
) -> None:
    draw(tmp_path / "elsewhere" / "1.png")
    (tmp_path / "cats").mkdir()
    for link in ("x", "y"):
        (tmp_path / "cats" / link).symlink_to(tmp_path / "elsewhere")
    assert len(walk_pictures(tmp_path / "cats").pictures) == 1


def test_refuses_what_is_no_plain_file(tmp_path: Path) -> None:
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.jpg")
    refused = {path.name: reason for path, reason in list_folder(tmp_path).refused}
    assert refused == {
        "dangling.jpg": "is a link that leads nowhere",
        "gone": "is a link that leads nowhere",
        "pipe.jpg": "is not a plain file",
    }


def test_name_that_is_no_text(tmp_path: Path) -> None:
    try:
        (tmp_path / b"caf\xe9.jpg".decode("utf-8", "surrogateescape")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes no such names")
    listing = list_folder(tmp_path)
    assert listing.pictures == []
    assert listing.refused[0][1] == "has a name that is not valid text"


def test_folder_inside_that_may_not_be_listed(
    open_folder: Path,
    draw: Callable[..., Path],
    locked: Callable[[Path], AbstractContextManager[None]],
) -> None:
    draw(open_folder / "cats" / "1.png")
    draw(open_folder / "cats" / "inner" / "2.png")
    with locked(open_folder / "cats" / "inner"):
        walk = walk_pictures(open_folder / "cats")
    assert len(walk.pictures) == 1
    assert walk.refused == [
        (open_folder / "cats" / "inner", "may not be listed (no permission)"),
    ]
    with locked(open_folder / "cats"), pytest.raises(PermissionError):
        walk_pictures(open_folder / "cats")


def test_walk_can_be_cancelled(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        walk_pictures(tmp_path, cancelled=lambda: True)


def test_holds_pictures_looks_below(tmp_path: Path, draw: Callable[..., Path]) -> None:
    draw(tmp_path / "a" / "b" / "1.png")
    (tmp_path / "empty" / "x").mkdir(parents=True)
    (tmp_path / "empty" / "x" / "back").symlink_to(tmp_path / "empty")
    assert holds_pictures(tmp_path)
    assert not holds_pictures(tmp_path / "empty")
    assert not holds_pictures(tmp_path / "a", depth=1)


def test_class_names_have_one_unicode_form(tmp_path: Path) -> None:
    assert class_name(tmp_path / "cafe\u0301") == class_name(tmp_path / "caf\u00e9")

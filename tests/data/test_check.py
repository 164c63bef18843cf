"""A checked folder: its classes and splits, and what its check promises."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from problems import error_of, only_problem

from delta_app.data.check import check_folder
from delta_app.errors import Cancelled

Folder = Callable[..., Path]
Draw = Callable[..., Path]
Locked = Callable[[Path], AbstractContextManager[None]]


def test_flat_folder(folder_of_classes: Folder) -> None:
    root = folder_of_classes({"dogs": 3, "cats": 2})
    check = check_folder(root)
    assert check.usable
    assert (check.root, check.name) == (str(root), "animals")
    assert check.classes == ("cats", "dogs")
    assert check.counts() == {"train": [2, 3]}
    picture = check.given["train"][0]
    assert picture.relative == "cats/000.png"
    assert picture.path == str(root / "cats" / "000.png")
    assert picture.digest == hashlib.sha256(Path(picture.path).read_bytes()).hexdigest()
    assert (picture.width, picture.height) == (20, 14)


@pytest.mark.parametrize("names", [("train", "val", "test"), ("TRAIN", "Validation", "Test")])
def test_split_folders_in_any_case(folder_of_classes: Folder, names: tuple[str, ...]) -> None:
    counts = {f"{split}/{name}": 4 for split in names for name in ("a", "b")}
    check = check_folder(folder_of_classes(counts))
    assert check.counts() == {"train": [4, 4], "val": [4, 4], "test": [4, 4]}
    assert check.problems == ()
    assert check.given["val"][0].relative == f"{names[1]}/a/000.png"


def test_quotes_and_home_are_understood(
    folder_of_classes: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder_of_classes({"a": 3, "b": 3})
    monkeypatch.setenv("HOME", str(root.parent))
    for text in (f' "{root}" ', f"'{root}'", "~/animals", f"file://{root}", f"{root}/"):
        assert check_folder(text).root == str(root)


def test_nested_folders_belong_to_their_class(folder_of_classes: Folder) -> None:
    check = check_folder(folder_of_classes({"a/one": 2, "a/two/deep": 2, "b": 3}))
    assert check.classes == ("a", "b")
    assert check.counts() == {"train": [4, 3]}


def test_classes_are_matched_by_name_not_position(folder_of_classes: Folder) -> None:
    """Without a in test, position would call test's b an a."""
    check = check_folder(folder_of_classes({"train/a": 3, "train/b": 3, "test/b": 2}))
    assert check.classes == ("a", "b")
    assert {picture.label for picture in check.given["test"]} == {1}
    problem = only_problem(check)
    assert problem.level == "warning"
    assert "missing from test" in problem.title
    assert "a" in problem.message


def test_hidden_system_and_stray_files_are_no_classes(folder_of_classes: Folder) -> None:
    root = folder_of_classes(
        {"a": 3, "b": 3, "__MACOSX": 2, ".ipynb_checkpoints": 1, "a/.ipynb_checkpoints": 1}
    )
    (root / ".DS_Store").write_bytes(b"x")
    (root / "Thumbs.db").write_bytes(b"x")
    (root / "a" / "Thumbs.db").write_bytes(b"x")
    (root / "readme.txt").write_text("x")
    (root / "a" / "labels.csv").write_text("x")
    (root / "notes").mkdir()
    (root / "notes" / "todo.txt").write_text("x")
    check = check_folder(root)
    assert check.classes == ("a", "b")
    assert check.counts() == {"train": [3, 3]}
    assert check.problems == ()
    assert check.left_out == ()


def test_train_may_be_a_class(folder_of_classes: Folder) -> None:
    check = check_folder(folder_of_classes({"train": 3, "plane": 3, "car": 3}))
    assert check.usable
    assert check.classes == ("car", "plane", "train")


def test_two_folders_of_one_split_are_taken_together(folder_of_classes: Folder) -> None:
    check = check_folder(folder_of_classes({"train/a": 3, "train/b": 3, "val/a": 2, "valid/b": 2}))
    assert check.counts()["val"] == [2, 2]
    assert "val, valid" in only_problem(check).message


def test_folders_beside_splits_are_named(folder_of_classes: Folder) -> None:
    check = check_folder(folder_of_classes({"train/a": 3, "train/b": 3, "unsorted": 2}))
    assert check.classes == ("a", "b")
    assert "unsorted" in only_problem(check).message


def test_splits_inside_classes_are_pointed_out(folder_of_classes: Folder) -> None:
    check = check_folder(
        folder_of_classes({f"{c}/{s}": 2 for c in "ab" for s in ("train", "test")})
    )
    assert check.counts() == {"train": [4, 4]}
    problem = only_problem(check)
    assert problem.level == "warning"
    assert "train/CLASS" in problem.cure


def test_stray_pictures_are_named_and_left_out(folder_of_classes: Folder, draw: Draw) -> None:
    root = folder_of_classes({"a": 3, "b": 3})
    draw(root / "stray.png", 77)
    check = check_folder(root)
    assert check.n_pictures == 6
    assert [each.relative for each in check.left_out] == ["stray.png"]
    assert "stray.png" in only_problem(check).message


def test_progress_and_cancel(folder_of_classes: Folder) -> None:
    root = folder_of_classes({"a": 4, "b": 4})
    seen: list[tuple[int, int]] = []
    check_folder(root, on_progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 4)  # listing: the first folder's pictures
    assert seen[-8:] == [(done, 8) for done in range(1, 9)]
    asked = iter([False] * 5)
    with pytest.raises(Cancelled):
        check_folder(root, cancelled=lambda: next(asked, True))


def test_nothing_is_written_into_the_folder(folder_of_classes: Folder) -> None:
    root = folder_of_classes({"a": 3, "b": 3})
    before = {path: path.stat().st_mtime_ns for path in [root, *root.rglob("*")]}
    check_folder(root)
    assert {path: path.stat().st_mtime_ns for path in [root, *root.rglob("*")]} == before


def test_fingerprint_is_of_contents_not_of_names(folder_of_classes: Folder, tmp_path: Path) -> None:
    root = folder_of_classes({"a": 3, "b": 3})
    first = check_folder(root).fingerprint
    moved = tmp_path / "moved"
    os.rename(root, moved)
    os.rename(moved / "a" / "000.png", moved / "a" / "zzz.png")
    assert check_folder(moved).fingerprint == first
    os.rename(moved / "a" / "zzz.png", moved / "b" / "zzz.png")
    assert check_folder(moved).fingerprint != first


@pytest.mark.data
def test_real_photographs(test_data: Path) -> None:
    check = check_folder(test_data / "datasets" / "dtd10")
    assert check.problems == ()
    assert check.counts() == {"train": [28] * 10, "test": [25] * 10}
    assert error_of(check_folder(test_data / "datasets")).title == "One level too high."

"""Pictures that cannot be read, and copies: listed with their names, never silently left out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from problems import error_of, only_problem

from delta_app.data.check import check_folder

Folder = Callable[..., Path]
Draw = Callable[..., Path]
Locked = Callable[[Path], AbstractContextManager[None]]


def test_broken_pictures_are_listed_with_reasons(folder_of_classes: Folder, draw: Draw) -> None:
    root = folder_of_classes({"train/ants": 4, "train/bees": 4, "test/ants": 2, "test/bees": 2})
    whole = draw(root / "train/ants/whole.jpg", 500, (64, 64)).read_bytes()
    (root / "train/ants/cut.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    (root / "train/ants/nothing.png").touch()
    (root / "test/bees/words.gif").write_text("not a picture")
    (root / "train/bees/phone.heic").write_bytes(b"x")
    check = check_folder(root)
    assert check.usable
    assert check.counts() == {"train": [5, 4], "test": [2, 2]}
    assert {each.relative: each.reason for each in check.left_out} == {
        "train/ants/cut.jpg": "ends too early",
        "train/ants/nothing.png": "is empty (0 bytes)",
        "test/bees/words.gif": "is not a picture of a kind that is read",
        "train/bees/phone.heic": "is a kind of picture that is not read (HEIC)",
    }
    messages = [problem.message for problem in check.problems]
    assert (
        "2 of 7 pictures in train/ants cannot be read and are left out: cut.jpg (ends too early), "
        "nothing.png (is empty (0 bytes)). They stay on disk."
    ) in messages
    assert any("words.gif" in message for message in messages)
    assert any("phone.heic" in message for message in messages)
    for name in ("cut.jpg", "nothing.png"):
        assert (root / "train/ants" / name).exists()


def test_class_of_broken_pictures_only_is_an_error(folder_of_classes: Folder) -> None:
    root = folder_of_classes({"a": 3, "b": 3})
    for path in (root / "b").iterdir():
        path.write_bytes(b"broken")
    assert error_of(check_folder(root)).title == "Classes missing from training."


def test_many_folders_of_broken_pictures_stay_a_short_list(folder_of_classes: Folder) -> None:
    root = folder_of_classes({f"c{i:02d}": 2 for i in range(30)})
    for i in range(30):
        (root / f"c{i:02d}" / "broken.jpg").write_bytes(b"broken")
    check = check_folder(root)
    assert len(check.left_out) == 30
    assert len([p for p in check.problems if "read" in p.title]) == 21


def test_picture_in_two_splits_is_kept_out_of_training(folder_of_classes: Folder) -> None:
    root = folder_of_classes({f"{s}/{c}": 3 for s in ("train", "val", "test") for c in "ab"})
    shutil.copy(root / "test/a/000.png", root / "train/a/leaked.png")
    shutil.copy(root / "test/a/001.png", root / "train/b/mislabelled.png")
    shutil.copy(root / "val/b/000.png", root / "train/b/again.png")
    shutil.copy(root / "test/b/000.png", root / "val/b/late.png")
    check = check_folder(root)
    assert check.counts() == {"train": [3, 3], "val": [3, 3], "test": [3, 3]}
    assert {each.relative: each.reason for each in check.left_out} == {
        "train/a/leaked.png": "is the same picture as test/a/000.png",
        "train/b/mislabelled.png": "is the same picture as test/a/001.png",
        "train/b/again.png": "is the same picture as val/b/000.png",
        "val/b/late.png": "is the same picture as test/b/000.png",
    }
    problem = only_problem(check)
    assert problem.title == "The same picture in two splits."
    for name in ("leaked.png", "mislabelled.png", "again.png", "late.png"):
        assert name in problem.message


def test_copies_within_a_class_stay_and_are_said(folder_of_classes: Folder) -> None:
    root = folder_of_classes({"a": 4, "b": 4})
    shutil.copy(root / "a/000.png", root / "a/copy.png")
    check = check_folder(root)
    assert check.n_pictures == 9
    problem = only_problem(check)
    assert (problem.level, problem.title) == ("info", "Copies.")
    assert "a/000.png = a/copy.png" in problem.message


def test_one_picture_under_two_classes_is_a_warning(folder_of_classes: Folder) -> None:
    root = folder_of_classes({"a": 4, "b": 4})
    shutil.copy(root / "a/000.png", root / "b/copy.png")
    problem = only_problem(check_folder(root))
    assert problem.level == "warning"
    assert "a/000.png = b/copy.png" in problem.message


def test_a_picture_that_is_everywhere_makes_no_endless_message(folder_of_classes: Folder) -> None:
    root = folder_of_classes({"a": 4, "b": 4})
    for i in range(60):
        shutil.copy(root / "a/000.png", root / "ab"[i % 2] / f"copy{i}.png")
    problem = only_problem(check_folder(root))
    assert "and 58 more" in problem.message
    assert len(problem.message) < 200

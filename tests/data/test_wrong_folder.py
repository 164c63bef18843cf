"""Folders that cannot be used, or not as they are: each has a message of its own, with the cure."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from problems import error_of, only_problem

from delta_app.data.check import check_folder

Folder = Callable[..., Path]
Draw = Callable[..., Path]
Locked = Callable[[Path], AbstractContextManager[None]]


def test_no_folder_given() -> None:
    assert error_of(check_folder("  ")).title == "No folder chosen."


def test_missing_folder_offers_the_one_nearly_called_so(folder_of_classes: Folder) -> None:
    root = folder_of_classes({"a": 3, "b": 3})
    problem = error_of(check_folder(root.parent / "Anmals"))
    assert "does not exist" in problem.message
    assert problem.suggestion == str(root)
    problem = error_of(check_folder(root.parent / "no" / "such" / "folder"))
    assert f"nearest folder that does is {root.parent}." in problem.message


def test_a_file_is_no_folder(folder_of_classes: Folder, tmp_path: Path) -> None:
    root = folder_of_classes({"a": 3, "b": 3})
    problem = error_of(check_folder(root / "a" / "000.png"))
    assert problem.title == "Not a folder."
    assert problem.suggestion == str(root)
    archive = tmp_path / "pictures.zip"
    archive.write_bytes(b"PK")
    assert "Unpack" in error_of(check_folder(archive)).cure


@pytest.mark.parametrize("text", ["a\0b", "x" * 5000])
def test_impossible_paths(text: str) -> None:
    assert "cannot be opened" in error_of(check_folder(text)).message


def test_no_permission(folder_of_classes: Folder, open_folder: Path, locked: Locked) -> None:
    root = folder_of_classes({"a": 3, "b": 3}, open_folder / "animals")
    with locked(root):
        problem = error_of(check_folder(root))
    assert problem.title == "No permission."
    assert "chmod" in problem.cure
    with locked(root / "a"):
        problem = error_of(check_folder(root))
    assert "folder a may not be read" in problem.message


def test_unreadable_picture_is_left_out(
    folder_of_classes: Folder, open_folder: Path, locked: Locked
) -> None:
    root = folder_of_classes({"a": 3, "b": 3}, open_folder / "animals")
    with locked(root / "a" / "001.png"):
        check = check_folder(root)
    assert check.usable
    assert check.left_out[0].relative == "a/001.png"
    assert "no permission" in check.left_out[0].reason


def test_empty_folder(tmp_path: Path) -> None:
    assert error_of(check_folder(tmp_path)).title == "The folder is empty."


def test_folder_without_pictures_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "song.mp3").write_bytes(b"x")
    (tmp_path / "phone.heic").write_bytes(b"x")
    problem = error_of(check_folder(tmp_path))
    assert problem.title == "No pictures here."
    assert "music/" in problem.message
    assert "phone.heic" in problem.message


def test_one_level_too_low(folder_of_classes: Folder) -> None:
    root = folder_of_classes({"a": 3, "b": 3})
    problem = error_of(check_folder(root / "a"))
    assert problem.title == "No classes here."
    assert problem.message == (
        "Expected folders of pictures in a/; found 3 pictures directly in it."
    )
    assert problem.suggestion == str(root)


def test_two_levels_too_low(folder_of_classes: Folder) -> None:
    root = folder_of_classes({f"{s}/{c}": 3 for s in ("train", "test") for c in "ab"})
    assert error_of(check_folder(root / "train" / "a")).suggestion == str(root)


def test_one_split_chosen_alone_works_and_offers_the_whole(folder_of_classes: Folder) -> None:
    root = folder_of_classes({f"{s}/{c}": 3 for s in ("train", "test") for c in "ab"})
    check = check_folder(root / "train")
    assert check.usable
    problem = only_problem(check)
    assert problem.level == "warning"
    assert problem.suggestion == str(root)
    assert "test" in problem.message


def test_one_level_too_high_over_splits(folder_of_classes: Folder, tmp_path: Path) -> None:
    folder_of_classes({f"{s}/{c}": 3 for s in ("Train", "Test") for c in "ab"})
    folder_of_classes({"x": 2}, tmp_path / "more")
    problem = error_of(check_folder(tmp_path))
    assert problem.title == "One level too high."
    assert "animals" in problem.message
    assert problem.suggestion == str(tmp_path / "animals")
    assert check_folder(problem.suggestion).usable


def test_one_level_too_high_over_classes(folder_of_classes: Folder, tmp_path: Path) -> None:
    root = folder_of_classes({"a": 3, "b": 3})
    problem = error_of(check_folder(tmp_path))
    assert problem.title == "One level too high."
    assert "a, b" in problem.message
    assert problem.suggestion == str(root)


def test_one_class_only(folder_of_classes: Folder) -> None:
    problem = error_of(check_folder(folder_of_classes({"cats": 5})))
    assert problem.title == "Only one class."
    assert "cats" in problem.message
    assert problem.suggestion is None


def test_one_class_in_train(folder_of_classes: Folder) -> None:
    check = check_folder(folder_of_classes({"train/cats": 5, "test/cats": 2}))
    assert error_of(check).title == "Only one class."


def test_pictures_directly_in_splits(folder_of_classes: Folder) -> None:
    check = check_folder(folder_of_classes({"train": 3, "test": 2}))
    assert not check.usable
    assert [problem.title for problem in check.problems] == [
        "No classes in train.",
        "No classes in test.",
    ]
    assert "3 pictures directly" in check.problems[0].message


def test_splits_without_training(folder_of_classes: Folder) -> None:
    problem = error_of(check_folder(folder_of_classes({"val/a": 2, "test/a": 2, "test/b": 1})))
    assert problem.title == "No training pictures."
    assert "test, val" in problem.message


def test_class_missing_from_training(folder_of_classes: Folder) -> None:
    counts = {"train/a": 3, "train/b": 3, "test/a": 2, "test/b": 2, "test/c": 2}
    problem = error_of(check_folder(folder_of_classes(counts)))
    assert problem.title == "Classes missing from training."
    assert "c" in problem.message
    assert "train/c" in problem.cure


def test_classes_that_differ_in_case_only_are_pointed_out(folder_of_classes: Folder) -> None:
    counts = {"train/Cats": 3, "train/dogs": 3, "test/cats": 2, "test/dogs": 2}
    check = check_folder(folder_of_classes(counts))
    assert any("upper and lower case" in problem.message for problem in check.problems)


def test_too_few_pictures(folder_of_classes: Folder) -> None:
    problem = error_of(check_folder(folder_of_classes({"a": 5, "b": 1})))
    assert problem.title == "Too few pictures."
    assert "b" in problem.message
    problem = only_problem(check_folder(folder_of_classes({"a": 5, "b": 2})))
    assert (problem.level, problem.title) == ("warning", "Too few pictures.")


def test_one_picture_a_class_trains_where_all_splits_are_given(folder_of_classes: Folder) -> None:
    counts = {f"{s}/{c}": 1 for s in ("train", "val", "test") for c in "ab"}
    assert check_folder(folder_of_classes(counts)).problems == ()

"""A checked folder: its classes and splits, and a message of its own for all that can be wrong."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from delta_app.data.check import check_folder
from delta_app.data.records import DatasetCheck, Problem
from delta_app.errors import Cancelled

Folder = Callable[..., Path]
Draw = Callable[..., Path]
Locked = Callable[[Path], AbstractContextManager[None]]


def only_problem(check: DatasetCheck) -> Problem:
    assert len(check.problems) == 1, check.problems
    return check.problems[0]


def error_of(check: DatasetCheck) -> Problem:
    assert not check.usable
    errors = [problem for problem in check.problems if problem.level == "error"]
    assert len(errors) == 1, errors
    assert errors[0].title.endswith(".")
    assert errors[0].cure
    return errors[0]


# Layouts


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


# Wrong folders, each with its own message


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


# Pictures that cannot be read


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


# Copies


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


# The rest of the contract


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

"""Names of pictures, splits, and what is passed over."""

from __future__ import annotations

import json

import pytest

from delta_app.data.names import (
    PICTURE_SUFFIXES,
    is_other_picture,
    is_passed_over,
    is_picture,
    is_text,
    printable,
    split_of,
)


@pytest.mark.parametrize("suffix", sorted(PICTURE_SUFFIXES))
def test_pictures_in_any_case(suffix: str) -> None:
    assert is_picture(f"a{suffix}")
    assert is_picture(f"A.B{suffix.upper()}")


def test_the_formats_that_were_promised() -> None:
    promised = ["jpg", "png", "webp", "bmp", "tif", "gif", "avif"]
    assert all(is_picture(f"a.{suffix}") for suffix in promised)


@pytest.mark.parametrize("name", ["jpg", "a.txt", "a.jpg.txt", "labels.json", "a"])
def test_no_pictures(name: str) -> None:
    assert not is_picture(name)


def test_pictures_of_other_kinds_are_told_apart() -> None:
    assert is_other_picture("IMG_1.HEIC")
    assert not is_picture("IMG_1.HEIC")
    assert not is_other_picture("a.txt")


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("TRAIN", "train"),
        ("Val", "val"),
        ("valid", "val"),
        ("Validation", "val"),
        ("TEST", "test"),
        ("trains", None),
        ("cats", None),
    ],
)
def test_splits_in_any_case(name: str, split: str | None) -> None:
    assert split_of(name) == split


@pytest.mark.parametrize(
    "name", [".DS_Store", "__MACOSX", ".ipynb_checkpoints", "Thumbs.db", "thumbs.DB", "._cat.jpg"]
)
def test_hidden_and_system_names(name: str) -> None:
    assert is_passed_over(name)


def test_names_that_are_no_text_can_be_shown() -> None:
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    assert not is_text(name)
    assert json.dumps(printable(name), ensure_ascii=False).encode("utf-8")
    assert printable("café.jpg") == "café.jpg"

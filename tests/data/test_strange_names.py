"""Files and folders of any name: listed, checked, browsed and written down as they are."""

from __future__ import annotations

import json
import shutil
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from PIL import Image
from strange_names import FILES, LIST, LONG, NAMES, QUICK

from delta_app.data.browse import list_folders
from delta_app.data.check import check_folder
from delta_app.data.names import printable
from delta_app.data.records import Splits
from delta_app.data.roots import Roots
from delta_app.errors import OutsideError


def can_be_seen(text: str) -> bool:
    """One line, valid, without what turns text round or what a terminal obeys."""
    text.encode()
    return not [c for c in text if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs")]


def check_printable(name: str) -> None:
    shown = printable(name)
    assert can_be_seen(shown)
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown
    if can_be_seen(name) and not set(name) & set("\u200e\u200f\u202a\u202b\u202c\u202d\u202e"):
        assert set(name) & set("\u061c\u2066\u2067\u2068\u2069") or shown == name


@QUICK
@given(NAMES)
def test_any_name_can_be_shown(name: str) -> None:
    check_printable(name)


@pytest.mark.slow
@LONG
@given(NAMES)
def test_any_name_can_be_shown_at_length(name: str) -> None:
    check_printable(name)


def test_what_cannot_be_seen_is_an_escape() -> None:
    assert printable("a\nb\x1b[0m\u202e\udcff") == r"a\nb\x1b[0m\u202e\udcff"
    assert printable("Zoë 🐝 עץ 👩‍🌾") == "Zoë 🐝 עץ 👩‍🌾"


SEEN = [name for name in FILES if not name.startswith(".")]
"""Those that are not hidden."""


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """A class of each name, with three pictures of strange names in each."""
    folder = tmp_path / "strange"
    for number, name in enumerate(SEEN):
        (folder / name).mkdir(parents=True)
        for turn in range(3):
            path = folder / name / f"{SEEN[(number + turn) % len(SEEN)]}.png"
            Image.new("RGB", (8, 8), (5 * number, 60 * turn, 90)).save(path, "PNG")
    return folder


def test_classes_and_pictures_keep_their_names(strange: Path, tmp_path: Path) -> None:
    found = check_folder(strange)
    assert found.usable
    assert found.classes == tuple(sorted(SEEN))
    pictures = found.given["train"]
    assert len(pictures) == 3 * len(SEEN)
    assert not found.left_out
    assert all(Path(picture.path).is_file() for picture in pictures)
    assert all(can_be_seen(picture.relative) for picture in pictures)
    assert all(can_be_seen(f"{each.title} {each.message} {each.cure}") for each in found.problems)
    splits = Splits(found.classes, pictures, (), ())
    file = tmp_path / "split.json"
    file.write_text(json.dumps(splits.to_json(), ensure_ascii=False), encoding="utf-8")
    assert Splits.from_json(json.loads(file.read_text(encoding="utf-8"))) == splits


def test_a_folder_of_any_name_is_browsed_and_kept_in_its_roots(strange: Path) -> None:
    roots = Roots((strange,))
    entries = list_folders(strange, roots)
    assert {entry.name for entry in entries} == set(SEEN)
    for entry in entries:
        assert entry.path.parent == strange
        assert list_folders(entry.path, Roots((entry.path,))) == []
        with pytest.raises(OutsideError) as caught:
            Roots((entry.path,)).check(strange)
        assert can_be_seen(str(caught.value))


@QUICK
@given(NAMES)
def test_no_text_leads_out_of_the_roots(tmp_path: Path, name: str) -> None:
    """Whatever is typed behind a root: allowed is only what lies in it."""
    root = tmp_path / "root"
    root.mkdir(exist_ok=True)
    refused: list[str] = []
    for path in (f"{root}/{name}", f"{root}/{name}/../{name}", name):
        try:
            Roots((root,)).check(path)
        except OutsideError as error:
            refused.append(str(error))
        else:
            assert Path(path).resolve().is_relative_to(root.resolve())
    assert all(map(can_be_seen, refused))


@pytest.mark.parametrize("name", LIST)
def test_a_path_of_any_text_is_a_problem_in_words(tmp_path: Path, name: str) -> None:
    found = check_folder(f"{tmp_path}/{name}")
    shutil.rmtree(tmp_path, ignore_errors=True)
    assert not found.usable
    assert all(can_be_seen(f"{each.title} {each.message} {each.cure}") for each in found.problems)

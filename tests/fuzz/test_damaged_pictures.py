"""Damaged pictures: each is decoded or refused with a reason; the benchmark's, a few of them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.damage.doors import picture
from benchmarks.damage.pictures import damaged_pictures, drawn
from benchmarks.damage.sound import Place
from delta_app.data.check import check_folder

NO_RUN = Place(Path(), "")


def try_some(number: int, seed: int, folder: Path) -> int:
    """Put so many through every door; how many were refused."""
    refused = 0
    for each in damaged_pictures(number, random.Random(seed), with_bombs=False):
        file = folder / each.name
        file.write_bytes(each.data)
        try:
            refused += bool(picture(file, NO_RUN))
        except Exception as error:
            raise AssertionError(f"{each.name}, {each.damage}, seed {seed}") from error
        file.unlink()
    return refused


# A decoder's warning is for its programmers: the app takes or leaves a picture either way.
@pytest.mark.filterwarnings("ignore")
def test_a_hundred_and_fifty(tmp_path: Path) -> None:
    assert 40 < try_some(150, 0, tmp_path) < 140


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(1, marks=pytest.mark.slow),
        *(pytest.param(each, marks=pytest.mark.long) for each in (2, 3, 4)),
    ],
)
def test_a_thousand(seed: int, tmp_path: Path) -> None:
    assert try_some(1000, seed, tmp_path) > 300


def test_sound_ones_of_every_kind_are_read(tmp_path: Path) -> None:
    for number, data in enumerate(drawn()):
        file = tmp_path / f"{number}"
        file.write_bytes(data)
        assert picture(file, NO_RUN) == []


@pytest.mark.filterwarnings("ignore")
def test_in_a_folder_every_refused_one_is_named_with_its_reason(tmp_path: Path) -> None:
    names = set()
    for each in damaged_pictures(60, random.Random(9), with_bombs=False):
        for label in ("a", "b"):
            file = tmp_path / label / each.name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(drawn()[0] if label == "b" else each.data)
        names.add(f"a/{each.name}")
    check = check_folder(tmp_path)
    taken = {p.relative for p in check.given.get("train", ())}
    left_out = {each.relative: each.reason for each in check.left_out}
    assert taken | set(left_out) >= names
    assert all(reason for reason in left_out.values())
    assert len(names & set(left_out)) > 10

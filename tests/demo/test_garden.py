"""The bundled pictures are the ones the code draws, and they are what the demo promises."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from delta_app.demo import garden
from delta_app.demo.__main__ import main
from delta_app.demo.bundle import ASSETS, GARDEN
from delta_app.demo.creatures import CREATURES
from delta_app.demo.garden import COUNTS, SIDE, garden_path, garden_picture


def _difference(drawn: Image.Image, path: Path) -> float:
    """Mean difference of 0 ... 255 over 4 x 4 blocks, where JPEG's loss of noise averages out."""
    with Image.open(path) as kept:
        blocks = [np.asarray(each.reduce(4), dtype=float) for each in (drawn, kept)]
    return float(np.abs(blocks[0] - blocks[1]).mean())


@pytest.mark.parametrize(("split", "name", "number"), [("train", "bee", 1), ("test", "moth", 7)])
def test_a_picture_drawn_again_is_the_bundled_one(split: str, name: str, number: int) -> None:
    drawn = garden_picture(split, name, number)
    assert _difference(drawn, garden_path(GARDEN, split, name, number)) < 2
    assert _difference(drawn, garden_path(GARDEN, split, name, number + 1)) > 10


def test_every_class_has_its_pictures_in_every_split() -> None:
    for split, count in COUNTS.items():
        folders = sorted(folder.name for folder in (GARDEN / split).iterdir())
        assert folders == sorted(CREATURES)
        for name in CREATURES:
            expected = [garden_path(GARDEN, split, name, n) for n in range(1, count + 1)]
            assert sorted((GARDEN / split / name).iterdir()) == expected
    assert 8 <= COUNTS["train"] <= 15
    assert COUNTS["test"] >= 20


def test_the_whole_demo_is_small() -> None:
    total = sum(path.stat().st_size for path in ASSETS.rglob("*") if path.is_file())
    assert 1_000_000 < total < 5_000_000


def test_no_picture_stands_there_twice() -> None:
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in GARDEN.rglob("*.jpg")]
    assert len(digests) == len(CREATURES) * sum(COUNTS.values())
    assert len(set(digests)) == len(digests)


@pytest.mark.slow
def test_draw_makes_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(garden, "COUNTS", {"train": 1})
    assert main(["draw", "--output", str(tmp_path)]) == 0
    drawn = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.jpg"))
    assert drawn == [f"train/{name}/{name}_01.jpg" for name in sorted(CREATURES)]
    with Image.open(tmp_path / drawn[0]) as picture:
        assert picture.size == (SIDE, SIDE)
    assert "10 pictures" in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["draw", "--output", str(tmp_path / "file")]) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert len(message.splitlines()) == 1

"""Damaged weights, settings, attention, run folders and stores: read, or refused with words."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.damage.doors import DOORS
from benchmarks.damage.files import JSON_OF_A_RUN, KINDS, damaged_files
from benchmarks.damage.sound import Place

# torch's warning of an odd pickle protocol, numpy's of numbers that overflow.
pytestmark = pytest.mark.filterwarnings("ignore")


def try_some(number: int, seed: int, sound: Place, folder: Path) -> dict[str, int]:
    """Put so many through every door; how many of each kind were refused."""
    place, canary = sound.copied(folder / "runs"), folder / "canary"
    (folder / "shapes").symlink_to(sound.runs_dir.parent / "shapes")
    refused = dict.fromkeys(KINDS, 0)
    store = sound.store.read_bytes()
    for each in damaged_files(number, random.Random(seed), sound.folder, store, canary):
        file = folder / each.name
        file.write_bytes(each.data)
        try:
            refused[each.kind] += bool(DOORS[each.kind](file, place))
        except Exception as error:
            raise AssertionError(f"{each.kind}, {each.damage}, seed {seed}") from error
        file.unlink()
    assert not canary.exists()
    return refused


@pytest.mark.slow
def test_the_sound_run_passes_every_door(sound_place: Place, tmp_path: Path) -> None:
    """Else what is refused below might be refused for another reason."""
    place = sound_place.copied(tmp_path / "runs")
    (tmp_path / "shapes").symlink_to(sound_place.runs_dir.parent / "shapes")
    for name in JSON_OF_A_RUN:
        said = DOORS[name](sound_place.folder / name, place)
        assert said == [], name
    for kind in ("best.safetensors", "head.safetensors", "by_picture.safetensors"):
        assert DOORS[kind](sound_place.folder / kind, place) == []
    for kind in ("last.ckpt", "metrics.jsonl"):
        assert DOORS[kind](sound_place.folder / kind, place) == []
    assert DOORS["store"](sound_place.store, place) == []
    assert DOORS["weights"](sound_place.folder / "best.safetensors", place) == []


@pytest.mark.slow
def test_sixty(sound_place: Place, tmp_path: Path) -> None:
    refused = try_some(60, 0, sound_place, tmp_path)
    assert sum(refused.values()) > 30
    assert all(refused[kind] for kind in ("weights", "store", "authors' attention"))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 3))
def test_three_hundred(seed: int, sound_place: Place, tmp_path: Path) -> None:
    refused = try_some(300, seed, sound_place, tmp_path)
    assert all(refused.values()), refused

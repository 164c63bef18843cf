"""The cache holds what torchvision would have made, and notices what is torn or stale."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import pil_to_tensor, resize

from delta_app.data import cache as cache_module
from delta_app.data.cache import (
    PictureCache,
    cache_key,
    default_cache_folder,
    default_memory_budget,
    resized,
)
from delta_app.data.records import Picture
from delta_app.errors import Cancelled, DatasetError

AMPLE = 10**9
Draw = Callable[..., Path]


@pytest.fixture
def pictures(tmp_path: Path, draw: Draw) -> list[Picture]:
    found = []
    for i in range(9):
        path = draw(tmp_path / "data" / f"{i}.png", i, (30 + i, 50 - i))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        found.append(Picture(str(path), path.name, i % 2, digest, 30 + i, 50 - i))
    return found


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the pictures decoded so far."""
    seen: list[str] = []
    real = cache_module.load_square
    lock = threading.Lock()

    def counted(picture: Picture, size: int, interpolation: str) -> Any:
        with lock:
            seen.append(picture.relative)
        return real(picture, size, interpolation)

    monkeypatch.setattr(cache_module, "load_square", counted)
    return seen


def opened(pictures: list[Picture], folder: Path, **changes: Any) -> PictureCache:
    chosen: dict[str, Any] = {
        "size": 24,
        "interpolation": "bilinear",
        "folder": folder,
        "memory_budget": AMPLE,
    }
    return PictureCache.open(pictures, **(chosen | changes))


def all_of(cache: PictureCache) -> torch.Tensor:
    return cache.pictures(torch.arange(len(cache)))


def only_file(folder: Path) -> Path:
    files = list(folder.iterdir())
    assert len(files) == 1, files
    return files[0]


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("budget", [AMPLE, 0])
def test_pixels_are_torchvisions(
    pictures: list[Picture], tmp_path: Path, interpolation: str, budget: int
) -> None:
    cache = opened(pictures, tmp_path / "c", interpolation=interpolation, memory_budget=budget)
    assert cache.in_memory == (budget > 0)
    assert (len(cache), cache.size) == (9, 24)
    mode = InterpolationMode(interpolation)
    expected = torch.stack(
        [pil_to_tensor(resize(Image.open(p.path).convert("RGB"), [24, 24], mode)) for p in pictures]
    )
    indices = torch.tensor([8, 0, 3, 3])
    chosen = cache.pictures(indices)
    assert chosen.dtype == torch.uint8
    assert chosen.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(chosen, expected[indices])
    assert torch.equal(all_of(cache), expected)


def test_unknown_interpolation() -> None:
    with pytest.raises(ValueError, match="'lanczos', expected one of bilinear, bicubic"):
        resized(Image.new("RGB", (4, 4)), 2, "lanczos")


@pytest.mark.parametrize("budget", [AMPLE, 0])
def test_decodes_once(
    pictures: list[Picture], tmp_path: Path, decoded: list[str], budget: int
) -> None:
    first = opened(pictures, tmp_path / "c", memory_budget=budget)
    assert sorted(decoded) == sorted(p.relative for p in pictures)
    second = opened(pictures, tmp_path / "c", memory_budget=budget)
    assert len(decoded) == 9
    assert torch.equal(all_of(first), all_of(second))
    assert torch.equal(first.keys, second.keys)


def test_other_pictures_size_or_interpolation_are_other_caches(pictures: list[Picture]) -> None:
    keys = {
        cache_key(pictures, 24, "bilinear"),
        cache_key(pictures, 25, "bilinear"),
        cache_key(pictures, 24, "bicubic"),
        cache_key(pictures[::-1], 24, "bilinear"),
        cache_key(pictures[:-1], 24, "bilinear"),
    }
    assert len(keys) == 5


@pytest.mark.parametrize("budget", [AMPLE, 0])
@pytest.mark.parametrize("harm", ["cut", "longer", "flipped", "zeros", "head", "sums", "empty"])
def test_torn_file_is_noticed_and_rebuilt(
    pictures: list[Picture], tmp_path: Path, decoded: list[str], harm: str, budget: int
) -> None:
    folder = tmp_path / "c"
    expected = all_of(opened(pictures, folder))
    path = only_file(folder)
    whole = path.read_bytes()
    middle = len(whole) // 2
    torn = {
        "cut": whole[:-1],
        "longer": whole + b"x",
        "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "zeros": whole[:middle] + bytes(4000) + whole[middle + 4000 :],
        "head": b"other" + whole[5:],
        "sums": whole[:-4] + bytes(4),
        "empty": b"",
    }[harm]
    path.write_bytes(torn)
    del decoded[:]
    cache = opened(pictures, folder, memory_budget=budget)
    assert len(decoded) == 9
    assert torch.equal(all_of(cache), expected)
    assert only_file(folder).read_bytes() == whole


def test_picture_that_changed_since_the_check_is_refused(
    pictures: list[Picture], tmp_path: Path, draw: Draw
) -> None:
    draw(Path(pictures[4].path), 99)
    with pytest.raises(DatasetError, match=r"4\.png has changed since it was checked\.") as raised:
        opened(pictures, tmp_path / "c")
    assert raised.value.cure
    assert list((tmp_path / "c").glob("*")) == []


def test_picture_that_is_gone_is_refused(pictures: list[Picture], tmp_path: Path) -> None:
    Path(pictures[4].path).unlink()
    for budget in (AMPLE, 0):
        with pytest.raises(DatasetError, match=r"4\.png is not there\."):
            opened(pictures, tmp_path / "c", memory_budget=budget)


def test_changed_picture_has_another_cache(
    pictures: list[Picture], tmp_path: Path, draw: Draw
) -> None:
    old = all_of(opened(pictures, tmp_path / "c"))
    path = draw(Path(pictures[4].path), 99)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    changed = [*pictures[:4], Picture(str(path), "4.png", 0, digest, 20, 14), *pictures[5:]]
    new = all_of(opened(changed, tmp_path / "c"))
    differs = (old != new).flatten(1).any(1)
    assert differs.tolist() == [i == 4 for i in range(9)]


def test_folder_that_cannot_be_written_to(pictures: list[Picture], tmp_path: Path) -> None:
    """In memory that costs nothing; where the file is needed it is said."""
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert len(opened(pictures, blocked / "c")) == 9
    with pytest.raises(DatasetError, match="do not fit into memory") as raised:
        opened(pictures, blocked / "c", memory_budget=0)
    assert "DELTA_CACHE_DIR" in raised.value.cure


def test_nothing_is_written_beside_the_pictures(pictures: list[Picture], tmp_path: Path) -> None:
    opened(pictures, tmp_path / "c")
    assert sorted(p.name for p in (tmp_path / "data").iterdir()) == [f"{i}.png" for i in range(9)]


def test_oldest_caches_make_room(pictures: list[Picture], tmp_path: Path) -> None:
    folder = tmp_path / "c"
    for size in (20, 21, 22):
        opened(pictures, folder, size=size)
    by_size = sorted(folder.iterdir(), key=lambda path: path.stat().st_size)
    for age, path in zip((30, 20, 10), by_size, strict=True):
        os.utime(path, (1e9 - age, 1e9 - age))
    opened(pictures, folder, size=20)  # used again: now the youngest
    limit = sum(path.stat().st_size for path in by_size[::2]) + 9 * 3 * 23 * 23 + 200
    opened(pictures, folder, size=23, size_limit=limit)
    assert by_size[0].exists()
    assert not by_size[1].exists()
    assert by_size[2].exists()
    opened(pictures, folder, size=24, size_limit=1)
    assert only_file(folder).stat().st_size > 9 * 3 * 24 * 24  # what was just made stays


def test_leftovers_of_dead_processes_go(pictures: list[Picture], tmp_path: Path) -> None:
    folder = tmp_path / "c"
    folder.mkdir()
    old, new = folder / ".a.pictures.1.2.tmp", folder / ".b.pictures.1.2.tmp"
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (1e9, 1e9))
    opened(pictures, folder)
    assert not old.exists()
    assert new.exists()


def test_progress_and_cancel(pictures: list[Picture], tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    opened(pictures, tmp_path / "c", on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 9) for done in range(1, 10)]
    for budget in (AMPLE, 0):
        asked = iter([False] * 4)
        with pytest.raises(Cancelled):
            opened(
                pictures,
                tmp_path / "d",
                memory_budget=budget,
                cancelled=lambda asked=asked: next(asked, True),
            )
        assert not (tmp_path / "d").exists() or list((tmp_path / "d").iterdir()) == []


def test_no_pictures(tmp_path: Path) -> None:
    cache = opened([], tmp_path / "c")
    assert len(cache) == 0
    assert cache.pictures(torch.arange(0)).shape == (0, 3, 24, 24)


def test_keys_come_from_the_content(pictures: list[Picture], tmp_path: Path) -> None:
    cache = opened(pictures, tmp_path / "c")
    assert cache.keys.tolist() == [int(p.digest[:15], 16) for p in pictures]
    assert (cache.keys >= 0).all()


def test_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DELTA_CACHE_DIR", str(tmp_path / "mine"))
    assert default_cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("DELTA_CACHE_DIR")
    assert default_cache_folder().name == "pictures"
    assert 0 < default_memory_budget() < 10**13


def test_mapped_cache_takes_little_memory(pictures: list[Picture], tmp_path: Path) -> None:
    opened(pictures, tmp_path / "c", memory_budget=0)
    cache = opened(pictures, tmp_path / "c", memory_budget=0)
    assert isinstance(cache._pixels, np.memmap)
    assert not cache._pixels.flags.writeable

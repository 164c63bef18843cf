"""Pictures drawn for the tests, small and all different."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Draw = Callable[..., Path]


@pytest.fixture
def draw() -> Draw:
    """draw(path, seed, size=(w, h)) saves a noisy picture; same seed and size, same bytes."""

    def draw(path: Path, seed: int = 0, size: tuple[int, int] = (20, 14)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
        return path

    return draw


@pytest.fixture
def folder_of_classes(tmp_path: Path, draw: Draw) -> Callable[..., Path]:
    """folder_of_classes({"train/cats": 3, ...}) draws that many different pictures each."""
    drawn = iter(range(10_000))

    def make(counts: dict[str, int], root: Path | None = None) -> Path:
        root = root or tmp_path / "animals"
        root.mkdir(exist_ok=True)
        for name, number in counts.items():
            for index in range(number):
                draw(root / name / f"{index:03d}.png", next(drawn))
        return root

    return make


@pytest.fixture
def locked() -> Callable[[Path], AbstractContextManager[None]]:
    """locked(path): a `with` block in which this user may not read `path`; root becomes nobody."""

    @contextmanager
    def lock(path: Path) -> Iterator[None]:
        mode = path.stat().st_mode
        path.chmod(0)
        if os.geteuid() == 0:
            os.seteuid(65534)
        try:
            yield
        finally:
            if os.getuid() == 0:
                os.seteuid(0)
            path.chmod(mode)

    if not hasattr(os, "geteuid"):
        pytest.skip("permissions of this kind are POSIX's")
    return lock


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that every user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="delta-open-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)

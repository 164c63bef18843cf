"""The folder of pictures that the demo fine-tunes on: few drawings of small animals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from delta_app.atomic_files import write_whole
from delta_app.demo.creatures import CREATURES
from delta_app.demo.scene import Difficulty, draw_scene

SIDE = 128
COUNTS = {"train": 15, "val": 8, "test": 25}  # pictures a class
JPEG_QUALITY = 80
_SUPERSAMPLING = 4
_DIFFICULTY = Difficulty(scale=(0.24, 0.45), turn=0.7, behind=12, before=4, noise=12.0, blur=0.8)


def garden_picture(split: str, name: str, number: int) -> Image.Image:
    """The drawing that belongs to a split, a class and a number; always the same one.

    Raises:
        KeyError: no animal is called so.
    """
    return draw_scene(
        CREATURES[name], "garden", split, name, number,
        side=SIDE, supersampling=_SUPERSAMPLING, difficulty=_DIFFICULTY,
    )  # fmt: skip


def garden_path(folder: Path, split: str, name: str, number: int) -> Path:
    """Where that drawing lies: FOLDER/SPLIT/CLASS/CLASS_01.jpg."""
    return folder / split / name / f"{name}_{number:02d}.jpg"


def draw_garden(folder: Path, on_progress: Callable[[int, int], None] | None = None) -> int:
    """Draw every picture of the demo into `folder`; how many there are."""
    wanted = [
        (split, name, number)
        for split, count in COUNTS.items()
        for name in CREATURES
        for number in range(1, count + 1)
    ]
    for done, (split, name, number) in enumerate(wanted, start=1):
        save = partial(_save, garden_picture(split, name, number))
        path = garden_path(folder, split, name, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, save)
        if on_progress is not None:
            on_progress(done, len(wanted))
    return len(wanted)


def _save(picture: Image.Image, path: Path) -> None:
    picture.save(path, format="JPEG", quality=JPEG_QUALITY, optimize=True)

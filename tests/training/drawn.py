"""A small folder of pictures drawn for the tests: three classes told apart by colour and place."""

from __future__ import annotations

import random
from pathlib import Path

from PIL import Image, ImageDraw

CLASSES = {"blue": (40, 60, 220), "green": (40, 200, 70), "red": (220, 50, 40)}


def draw_folder(root: Path, per_class: int = 10, size: int = 40, seed: int = 0) -> Path:
    """ROOT/CLASS/NN.png; every picture is another one."""
    generator = random.Random(seed)
    for name, colour in CLASSES.items():
        folder = root / name
        folder.mkdir(parents=True)
        for number in range(per_class):
            background = tuple(generator.randrange(256) for _ in range(3))
            picture = Image.new("RGB", (size, size + number % 3), background)
            x, y = generator.randrange(size // 2), generator.randrange(size // 2)
            ImageDraw.Draw(picture).ellipse((x, y, x + size // 2, y + size // 2), fill=colour)
            picture.save(folder / f"{number:02}.png")
    return root

"""A folder of very many small pictures, each a valid JPEG of its own, drawn in seconds."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

DRAWN = 300  # different pictures; the others are these with another comment
SIDE = 64


def many_pictures(folder: Path, classes: int, pictures: int) -> Path:
    """A folder of `pictures` pictures in `classes` classes; made where it is missing.

    Each carries a comment of its own in its head, so that no two are copies of one another.
    """
    done = folder.with_name(f"{folder.name}.whole")
    if done.is_file() and done.read_text() == f"{classes} {pictures}":
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    drawn = [_jpeg(number) for number in range(DRAWN)]
    for number in range(pictures):
        inside = folder / f"class {number % classes:04}"
        if number < classes:
            inside.mkdir(parents=True)
        data = with_comment(drawn[number % DRAWN], f"picture {number}")
        (inside / f"{number:06}.jpg").write_bytes(data)
    done.write_text(f"{classes} {pictures}")
    return folder


def with_comment(jpeg: bytes, words: str) -> bytes:
    """A JPEG with a comment segment after its start: the same picture in other bytes."""
    said = words.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(said) + 2).to_bytes(2, "big") + said + jpeg[2:]


def _jpeg(number: int) -> bytes:
    random = np.random.default_rng(number)
    noise = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    noise.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()

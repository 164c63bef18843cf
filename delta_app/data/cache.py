"""Pictures decoded and resized once: uint8 squares in memory, or mapped from a file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import PIL
import platformdirs
import psutil
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from delta_app.data import cache_file
from delta_app.data.decode import decoded, read_bytes
from delta_app.data.records import Picture
from delta_app.data.threads import in_threads
from delta_app.errors import DatasetError

Pixels = NDArray[np.uint8]

INTERPOLATIONS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "nearest": Image.Resampling.NEAREST,
}


class PictureCache:
    """Square uint8 pictures of one size, read by index.

    Attributes:
        size: their side in pixels.
        keys: (N,) int64, one a picture, from its content; what its random numbers hang on.
        in_memory: whether they lie in memory; else pages of the file are read as needed.
    """

    def __init__(self, pixels: Pixels, keys: Tensor, *, in_memory: bool) -> None:
        self._pixels = pixels  # (N, size, size, 3)
        self.size = int(pixels.shape[1])
        self.keys = keys
        self.in_memory = in_memory

    @classmethod
    def open(
        cls,
        pictures: Sequence[Picture],
        *,
        size: int,
        interpolation: str,
        folder: Path,
        memory_budget: int,
        size_limit: int = cache_file.SIZE_LIMIT,
        on_progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> PictureCache:
        """The cache of these pictures, in this order; decoded only where it is not there yet.

        Args:
            size: each picture is resized to size x size, aspect given up, by Pillow with
                antialiasing: what torchvision's Resize does to a Pillow image.
            folder: where cache files lie; made where missing. One that cannot be written to
                costs no more than decoding again next time.
            memory_budget: bytes; a larger cache is mapped from its file.
            size_limit: bytes that all cache files together may take; the oldest go first.

        Raises:
            DatasetError: a picture changed since it was checked, or there is no room for what
                does not fit into the budget.
            Cancelled: `cancelled` said so.
        """
        shape = (len(pictures), size, size, 3)
        if not pictures:
            return cls(np.empty(shape, np.uint8), picture_keys(()), in_memory=True)
        in_memory = int(np.prod(shape, dtype=np.int64)) <= memory_budget
        path = folder / f"{cache_key(pictures, size, interpolation)}{cache_file.SUFFIX}"
        keys = picture_keys(pictures)
        pixels = cache_file.read(path, shape, in_memory=in_memory)
        if pixels is None:
            rows = in_threads(
                lambda picture: load_square(picture, size, interpolation),
                pictures,
                on_progress=on_progress,
                cancelled=cancelled,
            )
            pixels = cache_file.build(path, shape, rows, in_memory=in_memory)
            cache_file.evict(folder, size_limit, keep=path)
        return cls(pixels, keys, in_memory=in_memory)

    def __len__(self) -> int:
        return len(self._pixels)

    def pictures(self, indices: Tensor) -> Tensor:
        """The pictures of these indices.

        Args:
            indices: (N,) int64 on the CPU.

        Returns:
            (N, 3, size, size) uint8 on the CPU, channels-last in memory.
        """
        chosen = self._pixels[indices.numpy()]  # a copy, in this thread
        return torch.from_numpy(chosen).permute(0, 3, 1, 2)


def default_cache_folder() -> Path:
    """DELTA_CACHE_DIR, else a folder in the user's cache directory."""
    chosen = os.environ.get("DELTA_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_cache_dir("delta-app", appauthor=False)) / "pictures"


def default_memory_budget() -> int:
    """Bytes one cache may take in memory: a quarter of what is free."""
    return int(psutil.virtual_memory().available // 4)


def cache_key(pictures: Sequence[Picture], size: int, interpolation: str) -> str:
    """Names the cache: contents and order of the pictures, size, and who decodes them how."""
    digest = hashlib.sha256(
        f"{cache_file.FORMAT} pillow {PIL.__version__} {size} {interpolation}\n".encode()
    )
    for picture in pictures:
        digest.update(picture.digest.encode())
    return digest.hexdigest()[:40]


def picture_keys(pictures: Sequence[Picture]) -> Tensor:
    """(N,) int64: the first 60 bits of each picture's digest."""
    return torch.tensor([int(picture.digest[:15], 16) for picture in pictures], dtype=torch.int64)


def load_square(picture: Picture, size: int, interpolation: str) -> Pixels:
    """Decode and resize one picture, (size, size, 3) uint8.

    Raises:
        DatasetError: it is not what was checked any more.
    """
    try:
        data = read_bytes(picture.path)
        if hashlib.sha256(data).hexdigest() != picture.digest:
            raise DatasetError("has changed since it was checked")
        with decoded(data) as image:
            return np.asarray(resized(image, size, interpolation))
    except DatasetError as error:
        raise DatasetError(
            f"{picture.relative} {error.message}.",
            cure="Leave the folder as it is while a run starts, and start again.",
            field="data",
        ) from error


def resized(image: Image.Image, size: int, interpolation: str) -> Image.Image:
    """The picture as a square of `size` px, its aspect given up, antialiased.

    Raises:
        ValueError: unknown interpolation.
    """
    if interpolation not in INTERPOLATIONS:
        known = ", ".join(INTERPOLATIONS)
        raise ValueError(f"unknown interpolation {interpolation!r}, expected one of {known}")
    return image.resize((size, size), INTERPOLATIONS[interpolation])

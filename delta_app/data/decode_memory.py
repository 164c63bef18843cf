"""How much memory decoding a picture takes, what is too much, and who waits for whom."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from delta_app.errors import DatasetError
from delta_app.formatting import count

MAX_PIXELS = 178_956_970
"""Where Pillow itself refuses."""

MAX_BYTES = 1_000_000_000
"""What one picture may take, its file included, and all that are being decoded together."""

_RGB = 4
"""Bytes a pixel of a picture in mode RGB or RGBA: Pillow pads it."""

# Beside the picture itself while its file is decoded, bytes a pixel, as measured: WebP and AVIF
# hold whole frames of their own, a TIFF of 16 bits and four channels its only strip.
_BESIDE = {"WEBP": 12, "AVIF": 7, "TIFF": 8, "GIF": 1}
_BESIDE_GREY = 10
"""For 16 or 32 bits: the values in NumPy, the result in grey."""

_KEPT = ("WEBP", "AVIF")
"""Whose decoders keep their frames while the picture is made RGB."""


def bytes_needed(image: Image.Image, file_bytes: int) -> int:
    """The most memory that decoding a picture and making it RGB takes, in bytes.

    Args:
        image: as opened: its head is read, its pixels are not decoded yet.
    """
    kind = image.format or ""
    beside = _BESIDE.get(kind, 0)
    if image.info.get("progressive"):
        beside = 2 * len(image.getbands())  # every coefficient of every channel
    if image.mode.startswith(("I", "F")):
        beside = max(beside, _BESIDE_GREY)
    again = _RGB + (beside if kind in _KEPT else 0)  # made RGB, or turned
    return image.width * image.height * (_RGB + max(beside, again)) + file_bytes


def refuse_too_large(image: Image.Image, file_bytes: int) -> None:
    """Say so of a picture that would take more than `MAX_BYTES`, or has more than `MAX_PIXELS`.

    Raises:
        DatasetError: it does; the message is fit to stand after the file's name.
    """
    needed = bytes_needed(image, file_bytes)
    if image.width * image.height > MAX_PIXELS or needed > MAX_BYTES:
        raise DatasetError(
            f"is absurdly large ({count(image.width)} x {count(image.height)} pixels, which "
            f"would take {needed / 1e9:.1f} GB to decode; at most {MAX_BYTES / 1e9:.0f} GB is "
            "taken)"
        )


class Room:
    """Memory that threads share; who finds too little waits until others are done.

    Args:
        size: bytes in all; nobody may ask for more.
    """

    def __init__(self, size: int) -> None:
        self._free = size
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, size: int) -> Iterator[None]:
        """Have so many bytes for the length of a block. It must not ask for more inside."""
        with self._changed:
            self._changed.wait_for(lambda: self._free >= size)
            self._free -= size
        try:
            yield
        finally:
            with self._changed:
                self._free += size
                self._changed.notify_all()


ROOM = Room(MAX_BYTES)
"""For every picture that this process decodes."""

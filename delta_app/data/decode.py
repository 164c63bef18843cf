"""A picture's file made RGB, whatever its format, depth, palette, orientation or transparency."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from delta_app.data.decode_memory import MAX_PIXELS, ROOM, bytes_needed, refuse_too_large
from delta_app.errors import DatasetError
from delta_app.formatting import count

# Only these decoders ever see a file: Pillow's others (EPS starts Ghostscript) are not wanted.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "AVIF")
Image.init()  # all at once now: Pillow would load them in whichever thread needs one first

# Pillow's own limit is beside ours, which goes by memory; its warning would be noise.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

MAX_FILE_BYTES = 500_000_000

_STRIPE_PIXELS = 4_000_000
"""Pictures are made RGB so many pixels at a time, so that no step needs memory for a second one."""

_ORIENTATION_TAG = 0x0112
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def open_rgb(path: str | Path) -> Image.Image:
    """The picture at `path`, mode RGB: first frame, EXIF orientation applied, alpha over white.

    16-bit grey is scaled to 8 bits by its full range (65535 becomes 255), not clipped.

    Raises:
        DatasetError: it cannot be read; the message is the reason, fit to stand after the
            file's name.
    """
    return decode_rgb(read_bytes(path))


def read_bytes(path: str | Path) -> bytes:
    """The bytes of a picture's file.

    Raises:
        DatasetError: it is not there, empty, absurdly large, not a plain file, or forbidden.
    """
    path = Path(path)
    try:
        status = path.stat()
        if not path.is_file():
            raise DatasetError("is not a plain file")  # opening a pipe would wait for ever
        if status.st_size == 0:
            raise DatasetError("is empty (0 bytes)")
        if status.st_size > MAX_FILE_BYTES:
            raise DatasetError(f"is absurdly large ({count(status.st_size)} bytes)")
        return path.read_bytes()
    except PermissionError as error:
        raise DatasetError("may not be read (no permission)") from error
    except FileNotFoundError as error:
        link = "is a link to a file that is not there" if path.is_symlink() else "is not there"
        raise DatasetError(link) from error
    except OSError as error:
        raise DatasetError(f"cannot be read ({error.strerror or error})") from error
    except ValueError as error:  # a name that no file can have, out of a file from elsewhere
        raise DatasetError(f"cannot be read ({error})") from error


def decode_rgb(
    data: bytes, *, least: int | None = None, most_pixels: int = MAX_PIXELS
) -> Image.Image:
    """The picture in a file's bytes, as `open_rgb`.

    Args:
        least: for thumbnails: a JPEG may come at a reduced scale, its sides no smaller than
            this, in a fraction of the time.
        most_pixels: a larger one is not decoded.

    Raises:
        DatasetError: as `open_rgb`.
    """
    with decoded(data, least=least, most_pixels=most_pixels) as image:
        return image


@contextmanager
def decoded(
    data: bytes, *, least: int | None = None, most_pixels: int = MAX_PIXELS
) -> Iterator[Image.Image]:
    """The picture of `decode_rgb` for a block that makes something small of it.

    While the block has it, its memory counts as taken: pictures in other threads that do not
    fit beside it wait, so that many threads take no more memory than one.
    """
    with _reasons(data):
        image = _opened(data)
    width, height = image.size
    if width * height > most_pixels:
        raise DatasetError(
            f"has {count(width)} x {count(height)} pixels, more than {count(most_pixels)} in all"
        )
    with ROOM.taken(bytes_needed(image, len(data))):
        with _reasons(data):
            if least is not None and image.format == "JPEG":
                image.draft(image.mode, (least, least))
            # In one name, so that each step's picture is gone before the next one's comes.
            image.load()
            orientation = _orientation(image)
            image = _eight_bit_rgb(image)
            if orientation in _TRANSPOSE:
                image = image.transpose(_TRANSPOSE[orientation])
        yield image


def verify(data: bytes) -> tuple[int, int]:
    """Decode a picture in full to see that it can be; its (width, height) as it is shown.

    JPEGs are decoded at an eighth of their scale: every byte is still read and every
    coefficient decoded, so damage is found, in a fraction of the time and memory.

    Raises:
        DatasetError: as `open_rgb`.
    """
    with _reasons(data):
        image = _opened(data)
    if image.format != "JPEG":
        return decode_rgb(data).size
    width, height = image.size
    with ROOM.taken(bytes_needed(image, len(data))), _reasons(data):
        image.draft(image.mode, (max(1, width // 8), max(1, height // 8)))
        image.load()
    return (height, width) if _orientation(image) >= 5 else (width, height)


def _opened(data: bytes) -> Image.Image:
    """The picture's head; nothing of its pixels is decoded yet."""
    image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
    refuse_too_large(image, len(data))
    return image


@contextmanager
def _reasons(data: bytes) -> Iterator[None]:
    """Turns whatever a decoder throws at a broken file into a reason."""
    try:
        yield
    except DatasetError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DatasetError("is absurdly large (more pixels than are read)") from error
    except UnidentifiedImageError as error:
        if data[:512].lstrip().lower().startswith((b"<!doctype html", b"<html")):
            raise DatasetError("is a web page, not a picture") from error
        raise DatasetError("is not a picture of a kind that is read") from error
    except MemoryError as error:
        raise DatasetError("does not fit into memory") from error
    except Exception as error:  # decoders raise anything: struct.error, IndexError, SyntaxError
        text = str(error)
        if "truncated" in text.lower() or isinstance(error, EOFError) or _webp_is_short(data):
            raise DatasetError("ends too early") from error
        raise DatasetError(f"cannot be decoded ({text or type(error).__name__})") from error


def _webp_is_short(data: bytes) -> bool:
    """Whether a WebP file has fewer bytes than its head promises; its decoder does not say so."""
    return data[:4] == b"RIFF" and len(data) < 8 + int.from_bytes(data[4:8], "little")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or it makes no sense.

    Pillow has already turned a TIFF by then and taken the tag away.
    """
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # a broken EXIF block does not make the picture unreadable
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _eight_bit_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image.copy() if image.readonly else image
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_eight_bit(np.asarray(image))).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        return _in_stripes(image, _over_white)
    return image.convert("RGB")


def _in_stripes(image: Image.Image, rgb: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """`rgb` of the picture, a few rows at a time."""
    width, height = image.size
    rows = max(1, _STRIPE_PIXELS // width)
    if rows >= height:
        return rgb(image)
    whole = Image.new("RGB", image.size)
    for top in range(0, height, rows):
        stripe = image.crop((0, top, width, min(top + rows, height)))
        whole.paste(rgb(stripe), (0, top))
    return whole


def _over_white(image: Image.Image) -> Image.Image:
    coloured = image if image.mode == "RGBA" else _with_alpha(image)
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, coloured).convert("RGB")


def _with_alpha(image: Image.Image) -> Image.Image:
    if image.mode == "La":
        return image.convert("LA").convert("RGBA")
    return image.convert("RGBA")


def _eight_bit(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Grey values of 16 or 32 bits, or floating point, (H, W), on 0 to 255.

    Values of up to 16 bits are divided by 257, the full range, as are whole numbers that fit
    it; floats up to 1 are multiplied by 255; anything beyond is stretched from its least to
    its greatest value.
    """
    low, high = float(values.min()), float(values.max())  # nan where any value is
    if not (math.isfinite(low) and math.isfinite(high)):
        raise DatasetError("holds values that are not numbers")
    scaled = np.empty(values.shape, np.uint8)
    rows = max(1, _STRIPE_PIXELS // values.shape[1])
    for top in range(0, len(values), rows):
        stripe = slice(top, top + rows)
        scaled[stripe] = np.rint(_on_255(values[stripe], low, high)).astype(np.uint8)
    return scaled


def _on_255(values: NDArray[Any], low: float, high: float) -> NDArray[np.floating[Any]]:
    if values.dtype == np.uint16 or (values.dtype.kind == "i" and low >= 0 and high <= 65535):
        return values / 257.0
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        return values * 255.0
    if values.dtype.kind == "f" and low >= 0 and high <= 255:
        return values.astype(np.float64)
    return (values.astype(np.float64) - low) * (255.0 / max(high - low, 1e-12))

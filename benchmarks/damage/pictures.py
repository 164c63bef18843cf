"""Damaged pictures of every format that is read, from drawn ones and from photographs."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.damage.raw import RAW, Damaged, spliced

SUFFIXES = (".jpg", ".png", ".webp", ".bmp", ".tif", ".gif", ".avif")

# (format, mode, options of Image.save); "frames" saves several.
_KINDS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("JPEG", "RGB", {}),
    ("JPEG", "RGB", {"progressive": True, "quality": 95}),
    ("JPEG", "L", {}),
    ("JPEG", "CMYK", {}),
    ("PNG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("PNG", "LA", {}),
    ("PNG", "P", {"transparency": 3}),
    ("PNG", "1", {}),
    ("PNG", "I;16", {}),
    ("PNG", "RGB", {"frames": 3}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {"lossless": True}),
    ("WEBP", "RGB", {"frames": 3}),
    ("BMP", "RGB", {}),
    ("BMP", "P", {}),
    ("BMP", "1", {}),
    ("DIB", "RGB", {}),
    ("TIFF", "RGB", {}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("TIFF", "RGB", {"compression": "jpeg"}),
    ("TIFF", "RGBA", {"compression": "tiff_deflate"}),
    ("TIFF", "CMYK", {"compression": "packbits"}),
    ("TIFF", "1", {"compression": "group4"}),
    ("TIFF", "I;16", {}),
    ("TIFF", "F", {}),
    ("TIFF", "RGB", {"frames": 3}),
    ("GIF", "P", {}),
    ("GIF", "P", {"frames": 3, "transparency": 2}),
    ("AVIF", "RGB", {}),
    ("AVIF", "RGBA", {}),
    ("AVIF", "RGB", {"frames": 3}),
)


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    """A picture's file."""
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


@cache
def drawn() -> tuple[bytes, ...]:
    """A sound file of every kind: formats, depths, palettes, transparency, animation, EXIF."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a picture"
    files = [_of_kind(*kind) for kind in _KINDS]
    files += [encoded(_picture(0), format, exif=exif) for format in ("JPEG", "PNG", "WEBP", "TIFF")]
    return tuple(files)


def _of_kind(format: str, mode: str, options: dict[str, Any]) -> bytes:
    options = dict(options)
    frames = [_in_mode(_picture(n), mode) for n in range(options.pop("frames", 1))]
    if len(frames) > 1:
        options |= {"save_all": True, "append_images": frames[1:]}
    return encoded(frames[0], format, **options)


def _picture(number: int) -> Image.Image:
    noise = np.random.default_rng(number).integers(0, 256, (46, 61, 3), dtype=np.uint8)
    picture = Image.fromarray(noise)
    ImageDraw.Draw(picture).ellipse((8 + number, 6, 44, 40), fill=(220, 90, 40))
    return picture


def _in_mode(picture: Image.Image, mode: str) -> Image.Image:
    grey = np.asarray(picture.convert("L"))
    match mode:
        case "P":
            return picture.quantize(32)
        case "I;16":
            return Image.fromarray(grey.astype(np.uint16) * 257)
        case "F":
            return Image.fromarray(grey.astype(np.float32) / 255)
        case _:
            return picture.convert(mode)


# Files that are made to do harm, rather than damaged by chance


def png(width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG of any dimensions, its rows as they are given."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(name, body)
        for name, body in ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    )


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _with_chunk(name: bytes, body: bytes) -> bytes:
    """A sound small PNG with one chunk more."""
    small = png(1, 1, b"\0\1\2\3")
    return small[:33] + _chunk(name, body) + small[33:]


def _zeros_packed(size: int) -> bytes:
    return zlib.compress(bytes(size), 9)


@cache
def bombs() -> tuple[tuple[str, bytes], ...]:
    """Small files that claim to be, or are, enormous pictures, or hold enormous notes."""
    wide = Image.new("L", (16_000, 11_000))
    return (
        ("bomb.png", png(60_000, 60_000, b"")),
        ("bomb.png", png(2**31 - 1, 2**31 - 1, b"")),
        ("bomb.png", png(13_000, 13_000, bytes(13_001 * 13_000), colour=0)),
        ("bomb.png", png(11_000, 9_000, bytes(11_000 * 4 * 9_000 + 9_000), colour=6)),
        ("bomb.png", png(12_000, 6_000, bytes((12_000 * 2 + 1) * 6_000), colour=0, depth=16)),
        ("text.png", _with_chunk(b"zTXt", b"Comment\0\0" + _zeros_packed(300_000_000))),
        ("profile.png", _with_chunk(b"iCCP", b"icc\0\0" + _zeros_packed(300_000_000))),
        ("note.png", _with_chunk(b"iTXt", b"c\0\1\0\0\0" + _zeros_packed(300_000_000))),
        ("bomb.gif", encoded(wide, "GIF")),
        ("bomb.tif", encoded(wide, "TIFF", compression="tiff_deflate")),
        ("bomb.jpg", encoded(wide.convert("RGB"), "JPEG", progressive=True, quality=5)),
        ("bomb.webp", encoded(wide.convert("RGB"), "WEBP", lossless=True, method=0)),
        ("bomb.bmp", _bmp_head(1_000_000, 1_000_000)),
        ("bomb.bmp", _bmp_head(10_000, -(2**31))),
    )


def _bmp_head(width: int, height: int) -> bytes:
    body = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + body


def broken_exif(chance: random.Random) -> bytes:
    """A JPEG whose EXIF block is noise behind its head, or points anywhere."""
    length = chance.randint(4, 400)
    block = bytearray(b"Exif\0\0MM\0*" + struct.pack(">I", chance.randint(0, 2 * length)))
    block += struct.pack(">H", chance.randint(0, 65535)) + chance.randbytes(length)
    picture = encoded(_picture(1), "JPEG")
    return picture[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + picture[2:]


def absurd_dimensions(chance: random.Random) -> bytes:
    """A sound picture whose head was given another width or height."""
    width, height = (chance.choice((0, 1, 65_535, 2**31 - 1, 20_000)) for _ in range(2))
    if chance.random() < 0.5:
        return png(width, height, bytes(chance.randint(0, 10_000)), colour=chance.choice((0, 2, 6)))
    jpeg = bytearray(encoded(_picture(2), "JPEG"))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", height % 65_536, width % 65_536)
    return bytes(jpeg)


_MADE: dict[str, Callable[[random.Random], bytes]] = {
    "broken EXIF": broken_exif,
    "absurd dimensions": absurd_dimensions,
}


def damaged_pictures(
    number: int, chance: random.Random, photographs: Sequence[bytes] = (), *, with_bombs: bool
) -> Iterator[Damaged]:
    """So many damaged pictures, every kind of damage as often as any other.

    Args:
        photographs: files of real ones; every other picture is made of one, where there are any.
        with_bombs: whether a few of them are enormous, which takes seconds and a gigabyte.
    """
    ways = [*RAW, "spliced", "wrong name", *_MADE]
    for turn in range(number):
        if with_bombs and turn < len(bombs()):
            name, data = bombs()[turn]
            yield Damaged("picture", "bomb", name, data)
            continue
        sources = photographs if photographs and turn % 2 else drawn()
        data, way = chance.choice(sources), ways[turn % len(ways)]
        if way == "spliced":
            data = spliced(chance, chance.choice(drawn()), data)
        elif way in _MADE:
            data = _MADE[way](chance)
        elif way != "wrong name":
            data = RAW[way](chance, data)
        yield Damaged("picture", way, f"{turn:04}{chance.choice(SUFFIXES)}", data)

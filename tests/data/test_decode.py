"""Every kind of picture becomes RGB; every broken one a reason."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from delta_app.data.decode import decode_rgb, open_rgb, verify
from delta_app.errors import DatasetError

NOISE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")
EXACT = ("PNG", "BMP", "TIFF")


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def pixels(data: bytes) -> np.ndarray:
    image = decode_rgb(data)
    assert image.mode == "RGB"
    return np.asarray(image)


@pytest.mark.parametrize("format", FORMATS)
def test_reads_format(format: str) -> None:
    data = encoded(Image.fromarray(NOISE), format)
    read = pixels(data)
    assert read.shape == (40, 60, 3)
    if format in EXACT:
        assert np.array_equal(read, NOISE)
    else:
        assert np.array_equal(read, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    assert verify(data) == (60, 40)


def test_path_and_suffix_do_not_decide_the_format(tmp_path: Path) -> None:
    path = tmp_path / "named_wrongly.jpg"
    path.write_bytes(encoded(Image.fromarray(NOISE), "PNG"))
    assert np.array_equal(np.asarray(open_rgb(path)), NOISE)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_applies_exif_orientation(format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    # Four flat quarters survive every compression.
    quarters = np.zeros((32, 48, 3), np.uint8)
    quarters[:16, :24], quarters[:16, 24:] = (250, 5, 5), (5, 250, 5)
    quarters[16:, :24], quarters[16:, 24:] = (5, 5, 250), (250, 250, 5)
    data = encoded(Image.fromarray(quarters), format, exif=exif)
    upright = Image.fromarray(quarters)
    upright.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(upright)).astype(int)
    read = pixels(data).astype(int)
    assert read.shape == expected.shape
    assert np.abs(read - expected).mean() < 6  # turned wrongly it is over 100
    assert verify(data) == read.shape[1::-1]


def test_senseless_orientation_is_passed_over() -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    assert verify(encoded(Image.fromarray(NOISE), "JPEG", exif=exif)) == (60, 40)


def test_grey_and_bilevel() -> None:
    grey = NOISE[:, :, 0]
    assert np.array_equal(
        pixels(encoded(Image.fromarray(grey), "PNG")), grey[:, :, None] + 0 * NOISE
    )
    black_white = Image.fromarray(grey).convert("1")
    read = pixels(encoded(black_white, "PNG"))
    assert np.array_equal(read[:, :, 0] == 255, np.asarray(black_white))


def test_palette() -> None:
    palette = Image.fromarray(NOISE).quantize(16)
    assert np.array_equal(pixels(encoded(palette, "PNG")), np.asarray(palette.convert("RGB")))


def test_transparent_palette_entry_becomes_white() -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([200, 10, 10, 10, 200, 10])
    palette.putdata([0, 1])
    read = pixels(encoded(palette, "PNG", transparency=1))
    assert read.tolist() == [[[200, 10, 10], [255, 255, 255]]]


def test_alpha_over_white() -> None:
    image = Image.new("RGBA", (3, 1))
    image.putdata([(100, 0, 0, 255), (100, 0, 0, 0), (100, 0, 0, 51)])
    read = pixels(encoded(image, "PNG"))[0].tolist()
    # 51/255 is a fifth: 0.2 * 100 + 0.8 * 255 = 224, 0.8 * 255 = 204.
    assert read == [[100, 0, 0], [255, 255, 255], [224, 204, 204]]


def test_grey_with_alpha_over_white() -> None:
    image = Image.new("LA", (2, 1))
    image.putdata([(0, 255), (0, 51)])
    assert pixels(encoded(image, "PNG"))[0].tolist() == [[0, 0, 0], [204, 204, 204]]


def test_rgb_with_a_transparent_colour() -> None:
    image = Image.new("RGB", (2, 1))
    image.putdata([(1, 2, 3), (9, 9, 9)])
    read = pixels(encoded(image, "PNG", transparency=(1, 2, 3)))[0].tolist()
    assert read == [[255, 255, 255], [9, 9, 9]]


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_is_not_inverted(format: str) -> None:
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    read = pixels(encoded(red, format))
    assert np.abs(read.astype(int) - [255, 0, 0]).max() < 10


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_clipped(format: str) -> None:
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    read = pixels(encoded(Image.fromarray(values), format))
    assert read[0, :, 0].tolist() == [0, 1, 128, 255]
    assert (read[:, :, :1] == read).all()


def test_16_bit_colour_png() -> None:
    samples = np.array([[65535, 32896, 0]], ">u2")  # one pixel
    read = pixels(png(1, 1, samples.tobytes(), depth=16, colour=2))
    assert read[0, 0].tolist() == [255, 128, 0]


def test_float_tiff() -> None:
    values = np.array([[0.0, 0.5, 1.0]], np.float32)
    read = pixels(encoded(Image.fromarray(values), "TIFF"))
    assert read[0, :, 0].tolist() == [0, 128, 255]


def test_float_that_is_no_number_is_refused() -> None:
    values = np.array([[0.0, np.nan]], np.float32)
    with pytest.raises(DatasetError, match="not numbers"):
        decode_rgb(encoded(Image.fromarray(values), "TIFF"))


@pytest.mark.parametrize("format", ["GIF", "WEBP", "AVIF", "TIFF"])
def test_first_frame(format: str) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:])
    assert np.abs(pixels(data).astype(int) - [255, 0, 0]).max() < 12


def test_transparent_gif_over_white() -> None:
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    image.putpixel((0, 0), (255, 0, 0, 255))
    read = pixels(encoded(image, "GIF"))
    assert read[0, 0].tolist() == [255, 0, 0]
    assert read[3, 3].tolist() == [255, 255, 255]


def test_least_gives_a_smaller_jpeg_of_the_same_scene() -> None:
    data = encoded(Image.fromarray(NOISE).resize((600, 400)), "JPEG", quality=95)
    small = decode_rgb(data, least=100)
    assert 100 <= min(small.size) < 400
    whole = decode_rgb(data).resize((30, 20), Image.Resampling.BOX)
    again = small.resize((30, 20), Image.Resampling.BOX)
    assert np.abs(np.asarray(whole).astype(int) - np.asarray(again)).mean() < 5


# What cannot be read


@pytest.mark.parametrize("format", FORMATS)
def test_truncated(format: str) -> None:
    data = encoded(Image.fromarray(NOISE), format)
    verify(data)
    with pytest.raises(DatasetError, match=r"ends too early|cannot be|not a picture"):
        verify(data[: len(data) // 2])


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_truncated_near_the_end_says_so(format: str) -> None:
    data = encoded(Image.fromarray(NOISE), format)
    with pytest.raises(DatasetError, match="ends too early"):
        verify(data[: len(data) * 9 // 10])


def test_large_jpeg_is_checked_to_its_end() -> None:
    """The check decodes at a reduced scale; a lost tail must not pass because of that."""
    large = Image.fromarray(NOISE).resize((1200, 800))
    data = encoded(large, "JPEG", quality=95)
    assert verify(data) == (1200, 800)
    with pytest.raises(DatasetError, match="ends too early"):
        verify(data[:-200])
    with pytest.raises(DatasetError, match="ends too early"):
        decode_rgb(data[:-200])


def test_zero_bytes(tmp_path: Path) -> None:
    path = tmp_path / "nothing.jpg"
    path.touch()
    with pytest.raises(DatasetError, match=r"is empty \(0 bytes\)"):
        open_rgb(path)


def test_garbage_and_web_pages() -> None:
    with pytest.raises(DatasetError, match="not a picture of a kind that is read"):
        verify(b"\x00\x01 no picture" * 20)
    with pytest.raises(DatasetError, match="web page"):
        verify(b"<!DOCTYPE html><html><body>404</body></html>")


def test_other_kinds_of_pictures_are_not_handed_to_other_decoders() -> None:
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    with pytest.raises(DatasetError, match="not a picture of a kind"):
        decode_rgb(postscript)
    with pytest.raises(DatasetError, match="not a picture of a kind"):
        decode_rgb(encoded(Image.fromarray(NOISE), "PPM"))


def test_absurdly_large_is_refused_before_memory_is_taken() -> None:
    data = png(40_000, 40_000, b"")  # its head alone: 1.6 thousand million pixels
    for read in (verify, decode_rgb):
        with pytest.raises(DatasetError, match="absurdly large"):
            read(data)


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(DatasetError, match=r"cannot be read \(.*null"):
        open_rgb("a\0b.jpg")  # a file from elsewhere may name it


def test_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("pipes in folders are POSIX's")
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(DatasetError, match="not a plain file"):
        open_rgb(tmp_path / "pipe.jpg")


def test_missing_and_dangling(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not there"):
        open_rgb(tmp_path / "gone.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    with pytest.raises(DatasetError, match="link to a file that is not there"):
        open_rgb(tmp_path / "link.jpg")


def test_no_permission(
    open_folder: Path, locked: Callable[[Path], AbstractContextManager[None]]
) -> None:
    path = open_folder / "secret.png"
    path.write_bytes(encoded(Image.fromarray(NOISE), "PNG"))
    with locked(path), pytest.raises(DatasetError, match="no permission"):
        open_rgb(path)


def png(width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG put together by hand, of one row at most."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" + rows))
        + chunk(b"IEND", b"")
    )

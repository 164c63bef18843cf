"""An uploaded picture is of limited size, and decoded in the guarded way of any other."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import pytest
from PIL import Image

from delta_app.errors import DatasetError
from delta_app.services import looked_at
from delta_app.services.looked_at import MOST_MEGABYTES, MOST_PIXELS, uploaded


def png(width: int, height: int) -> bytes:
    """The bytes of a small file that says it is that large."""
    buffer = io.BytesIO()
    Image.new("1", (8, 8)).save(buffer, "PNG")
    data = bytearray(buffer.getvalue())
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


def test_a_picture_of_ones_own() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(buffer, "PNG")
    assert uploaded("mine.png", buffer.getvalue()).read().size == (40, 30)


def test_too_many_bytes_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looked_at, "MOST_MEGABYTES", 1)
    uploaded("mine.png", bytes(1024 * 1024))
    with pytest.raises(DatasetError, match="at most 1 MB are taken"):
        uploaded("mine.png", bytes(1024 * 1024 + 1))


@pytest.mark.parametrize("size", [(8001, 8000), (1, MOST_PIXELS + 1), (60_000, 60_000)])
def test_too_many_pixels_are_not_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(DatasetError, match=r"The picture bomb\.png .*(pixels|absurdly)") as caught:
        uploaded("bomb.png", png(*size)).read()
    assert caught.value.cure == "Choose another picture."


def test_as_many_as_allowed_are_tried() -> None:
    with pytest.raises(DatasetError, match=r"ends too early|cannot be decoded"):
        uploaded("cut.png", png(8000, 8000)).read()


def test_what_is_no_picture_is_said_so() -> None:
    for data in (b"", b"only words", b"%!PS-Adobe-3.0 EPSF-3.0", b"<svg></svg>"):
        with pytest.raises(DatasetError, match=r"The picture x\.png"):
            uploaded("x.png", data).read()


def test_the_server_and_the_page_take_no_more() -> None:
    config = (Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text()
    assert f"maxUploadSize = {MOST_MEGABYTES}\n" in config

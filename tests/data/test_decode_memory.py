"""How much memory pictures may take: what is refused, and who waits for whom."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.damage.pictures import encoded, png
from delta_app.data import decode, decode_memory
from delta_app.data.decode import decode_rgb, decoded, verify
from delta_app.data.decode_memory import MAX_BYTES, Room, bytes_needed, refuse_too_large
from delta_app.errors import DatasetError

NOISE = np.random.default_rng(3).integers(0, 256, (70, 50, 4), dtype=np.uint8)


class Head:
    """As much of an opened picture as its memory hangs on."""

    def __init__(self, format: str, mode: str, width: int, height: int, **info: Any) -> None:
        self.format, self.mode, self.info = format, mode, info
        self.width, self.height = width, height

    def getbands(self) -> tuple[str, ...]:
        return tuple(self.mode)


@pytest.mark.parametrize(
    ("head", "bytes_a_pixel"),
    [
        (Head("JPEG", "RGB", 10, 10), 8),
        (Head("JPEG", "RGB", 10, 10, progressive=1), 10),
        (Head("JPEG", "CMYK", 10, 10, progressive=1), 12),
        (Head("PNG", "RGBA", 10, 10), 8),
        (Head("PNG", "I;16", 10, 10), 14),
        (Head("TIFF", "RGB", 10, 10), 12),
        (Head("WEBP", "RGB", 10, 10), 20),
        (Head("AVIF", "RGB", 10, 10), 15),
    ],
)
def test_bytes_needed(head: Any, bytes_a_pixel: int) -> None:
    assert bytes_needed(head, 7) == 100 * bytes_a_pixel + 7


def test_photographs_of_a_hundred_million_pixels_pass_and_more_are_refused() -> None:
    refuse_too_large(Head("JPEG", "RGB", 12_000, 9_000), 40_000_000)  # type: ignore[arg-type]
    for head in (
        Head("JPEG", "RGB", 12_500, 10_001),
        Head("WEBP", "RGB", 8_000, 7_000),
        Head("PNG", "L", 60_000, 60_000),
    ):
        with pytest.raises(DatasetError, match=r"absurdly large .* to decode; at most 1 GB"):
            refuse_too_large(head, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "I;16", "F", "P"])
def test_made_rgb_in_stripes_it_is_the_same(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    grey = NOISE[:, :, 0]
    image = {
        "RGBA": Image.fromarray(NOISE),
        "LA": Image.fromarray(NOISE).convert("LA"),
        "I;16": Image.fromarray(grey.astype(np.uint16) * 200),
        "F": Image.fromarray(grey.astype(np.float32) * 3.5 - 100),
        "P": Image.fromarray(NOISE[:, :, :3]).quantize(16),
    }[mode]
    options = {"transparency": 3} if mode == "P" else {}
    data = encoded(image, "TIFF" if mode == "F" else "PNG", **options)
    whole = np.asarray(decode_rgb(data))
    monkeypatch.setattr(decode, "_STRIPE_PIXELS", 333)
    assert np.array_equal(np.asarray(decode_rgb(data)), whole)
    assert len(np.unique(whole)) > 2


def test_who_finds_too_little_room_waits() -> None:
    room, inside, most = Room(100), 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with room.taken(40):
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads)
    assert 1 <= most <= 2
    with room.taken(100):
        pass


def test_room_is_given_back_where_decoding_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(MAX_BYTES)
    monkeypatch.setattr(decode, "ROOM", room)
    good = encoded(Image.fromarray(NOISE), "PNG")
    for read in (verify, decode_rgb):
        with pytest.raises(DatasetError):
            read(good[: len(good) // 2])
    with pytest.raises(RuntimeError, match="in the block"), decoded(good):
        raise RuntimeError("in the block")
    with room.taken(MAX_BYTES):
        pass


def test_a_picture_counts_as_long_as_its_block_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(MAX_BYTES)
    monkeypatch.setattr(decode, "ROOM", room)
    with decoded(encoded(Image.fromarray(NOISE), "PNG")):
        assert room._free < MAX_BYTES
    assert room._free == MAX_BYTES


def test_many_threads_decode_as_one_does() -> None:
    files = [encoded(Image.fromarray(NOISE[: 20 + n]), "PNG") for n in range(30)]
    alone = [np.asarray(decode_rgb(data)) for data in files]
    together: dict[int, np.ndarray] = {}

    def work(start: int) -> None:
        for n in range(start, len(files), 3):
            together[n] = np.asarray(decode_rgb(files[n]))

    threads = [threading.Thread(target=work, args=(n % 3,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(together[n], alone[n]) for n in range(len(files)))


PEAK = """
import sys, threading
from pathlib import Path
from delta_app.data.decode import decoded

def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])

def work():
    with decoded(data) as image:
        image.resize((8, 8))

data = Path(sys.argv[1]).read_bytes()
before = memory("VmRSS")
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(memory("VmHWM") - before)
"""


@pytest.mark.slow
def test_four_large_pictures_at_once_take_no_more_than_the_room(tmp_path: Path) -> None:
    """In a process of its own; each of them alone takes 0.8 GB."""
    if not sys.platform.startswith("linux"):
        pytest.skip("memory is read from /proc, which Linux has")
    file = tmp_path / "large.png"
    file.write_bytes(png(10_000, 9_900, bytes(40_001 * 9_900), colour=6))
    command = [sys.executable, "-c", PEAK, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) * 1000 < 1.1 * MAX_BYTES


def test_the_room_is_what_one_picture_may_take() -> None:
    """Else one that is let in could wait for ever."""
    with decode_memory.ROOM.taken(MAX_BYTES):
        pass

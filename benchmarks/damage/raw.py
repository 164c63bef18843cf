"""Damage to bytes, whatever they are: what disks, networks and people do to files."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Damaged:
    """A file that something is wrong with, or that only looks so.

    Attributes:
        kind: what it is given to the app as; names the door in `benchmarks.damage.doors`.
        damage: what was done to it, in two or three words.
        name: of the file.
        data: its bytes.
    """

    kind: str
    damage: str
    name: str
    data: bytes


def cut_short(chance: random.Random, data: bytes) -> bytes:
    """Only a beginning of random length."""
    return data[: chance.randrange(len(data))] if data else data


def cut_near_the_end(chance: random.Random, data: bytes) -> bytes:
    """All but the last few bytes."""
    return data[: max(0, len(data) - chance.randint(1, 64))]


def flip_bits(chance: random.Random, data: bytes) -> bytes:
    """One to thirty bits anywhere."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 30)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def flip_bits_of_the_head(chance: random.Random, data: bytes) -> bytes:
    """One to eight bits of the first 200 bytes, where sizes and offsets stand."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        changed[chance.randrange(min(200, len(changed)))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def zero_a_range(chance: random.Random, data: bytes) -> bytes:
    """Up to a quarter of the file overwritten by zeros, as by a disk that lost a block."""
    start = chance.randrange(len(data))
    length = min(len(data) - start, chance.randint(1, max(1, len(data) // 4)))
    return data[:start] + bytes(length) + data[start + length :]


def largest_numbers(chance: random.Random, data: bytes) -> bytes:
    """Four or eight bytes of the first 300 set to the largest or the most negative number."""
    width = chance.choice((4, 8))
    number = chance.choice(
        (b"\xff" * width, b"\x7f" + b"\xff" * (width - 1), b"\xff" * (width - 1) + b"\x7f")
    )
    start = chance.randrange(max(1, min(300, len(data)) - width))
    return data[:start] + number + data[start + width :]


def cut_out(chance: random.Random, data: bytes) -> bytes:
    """A stretch missing from the middle: everything after it has moved."""
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.randint(1, max(1, len(data) // 8)) :]


def doubled(chance: random.Random, data: bytes) -> bytes:
    """The file behind a part of itself."""
    return data[: chance.randrange(len(data))] + data


def noise(chance: random.Random, data: bytes) -> bytes:
    """Nothing but random bytes, the first few kept so that it looks like what it was."""
    kept = chance.choice((0, 4, 16))
    return data[:kept] + chance.randbytes(chance.randint(0, 3000))


RAW: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "cut short": cut_short,
    "cut near the end": cut_near_the_end,
    "bits flipped": flip_bits,
    "bits of the head flipped": flip_bits_of_the_head,
    "a range zeroed": zero_a_range,
    "absurd sizes": largest_numbers,
    "a stretch cut out": cut_out,
    "doubled": doubled,
    "noise": noise,
}


def spliced(chance: random.Random, head: bytes, body: bytes) -> bytes:
    """The head of one file on the body of another."""
    at = chance.choice((2, 4, 8, 16, 33, 64, 200))
    return head[:at] + body[at:]

"""The signs the small backbone was pretrained on: none of them is an animal.

Three kinds, so that outline, inner pattern and arrangement all count: outlines filled with any
pattern, discs and tiles told apart by their pattern alone, and arrangements of several parts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from delta_app.demo.canvas import Points, Sheet, ellipse, regular
from delta_app.demo.colors import paints, shade
from delta_app.demo.grounds import noise, toned
from delta_app.demo.outlines import OUTLINES

Sign = Callable[[np.random.Generator, Sheet], None]


def _outline(points: Points) -> Sign:
    def draw(rng: np.random.Generator, sheet: Sheet) -> None:
        main, mark = paints(rng)
        if rng.random() < 0.5:
            sheet.polygon(points * 1.08, shade(mark, 0.8))
        if rng.random() < 0.4:
            name = str(rng.choice(list(_PATTERNS)))
            sheet.patterned(points, _PATTERNS[name](rng, sheet))
        else:
            sheet.polygon(points, main)
        if rng.random() < 0.3:
            sheet.polygon(points * rng.uniform(0.35, 0.6), mark)

    return draw


def _stripes(rng: np.random.Generator, sheet: Sheet) -> Image.Image:
    return _by_position(rng, sheet, lambda x, y, n: np.floor(n * x) % 2)


def _checks(rng: np.random.Generator, sheet: Sheet) -> Image.Image:
    return _by_position(rng, sheet, lambda x, y, n: (np.floor(n * x) + np.floor(n * y)) % 2)


def _dots(rng: np.random.Generator, sheet: Sheet) -> Image.Image:
    return _by_position(
        rng, sheet, lambda x, y, n: np.hypot(n * x % 1 - 0.5, n * y % 1 - 0.5) < 0.32
    )


def _rings(rng: np.random.Generator, sheet: Sheet) -> Image.Image:
    return _by_position(rng, sheet, lambda x, y, n: np.floor(n * np.hypot(x, y)) % 2)


def _sectors(rng: np.random.Generator, sheet: Sheet) -> Image.Image:
    return _by_position(
        rng, sheet, lambda x, y, n: np.floor((np.arctan2(y, x) / np.pi + 1) * (n + 1)) % 2
    )


def _waves(rng: np.random.Generator, sheet: Sheet) -> Image.Image:
    return _by_position(
        rng, sheet, lambda x, y, n: np.floor(n * (x + 0.18 * np.sin(1.6 * n * y))) % 2
    )


def _marble(rng: np.random.Generator, sheet: Sheet) -> Image.Image:
    main, mark = paints(rng)
    cells = int(rng.integers(7, 13) / max(sheet.pose.scale, 0.1) / 2)
    field = noise(rng, sheet.side, (cells, cells))
    return toned((field > 0.5).astype(np.float64), (main, mark, mark))


def _by_position(
    rng: np.random.Generator, sheet: Sheet, rule: Callable[[Points, Points, int], NDArray[Any]]
) -> Image.Image:
    """A two-coloured picture from a rule on the form's own coordinates and a count."""
    main, mark = paints(rng)
    pose, side = sheet.pose, sheet.side
    pixels = (np.arange(side) + 0.5) / side
    x, y = np.meshgrid(pixels - pose.position[0], pixels - pose.position[1])
    cosine, sine = np.cos(pose.angle), np.sin(pose.angle)
    own_x = (cosine * x + sine * y) / pose.scale
    own_y = (cosine * y - sine * x) / pose.scale
    chosen = np.asarray(rule(own_x, own_y, int(rng.integers(2, 5))), dtype=bool)
    colors = np.where(chosen[..., None], np.array(mark[:3]), np.array(main[:3]))
    return Image.fromarray(colors.astype(np.uint8))


_PATTERNS: dict[str, Callable[[np.random.Generator, Sheet], Image.Image]] = {
    "striped": _stripes,
    "checked": _checks,
    "dotted": _dots,
    "ringed": _rings,
    "sectored": _sectors,
    "waved": _waves,
    "marbled": _marble,
}


def _badge(pattern: Callable[[np.random.Generator, Sheet], Image.Image]) -> Sign:
    """The pattern on a disc or a tile: only the pattern tells the class."""

    def draw(rng: np.random.Generator, sheet: Sheet) -> None:
        shapes = (ellipse(0, 0, 1, 1), ellipse(0, 0, 1, 0.65), regular(4), regular(8))
        sheet.patterned(shapes[rng.integers(len(shapes))], pattern(rng, sheet))

    return draw


def _ring(rng: np.random.Generator, sheet: Sheet) -> None:
    main, _ = paints(rng)
    turns = np.linspace(0.0, 2.0 * np.pi, 60)
    circle = 0.8 * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    sheet.line(circle, rng.uniform(0.15, 0.35), main)


def _spring(rng: np.random.Generator, sheet: Sheet) -> None:
    main, _ = paints(rng)
    y = np.linspace(-1.0, 1.0, int(rng.integers(6, 10)))
    x = np.where(np.arange(len(y)) % 2, 0.4, -0.4)
    sheet.line(np.stack([x, y], axis=1), 0.1, main)


def _ladder(rng: np.random.Generator, sheet: Sheet) -> None:
    main, mark = paints(rng)
    for y in np.linspace(-0.8, 0.8, int(rng.integers(4, 7))):
        sheet.line([(-0.35, y), (0.35, y)], 0.09, mark)
    for x in (-0.35, 0.35):
        sheet.line([(x, -1), (x, 1)], 0.12, main)


def _fork(rng: np.random.Generator, sheet: Sheet) -> None:
    main, _ = paints(rng)
    sheet.line([(0, -0.2), (0, 1)], 0.16, main)
    sheet.line([(-0.45, -1), (-0.4, -0.25), (0, -0.1), (0.4, -0.25), (0.45, -1)], 0.12, main)
    sheet.line([(0, -1), (0, -0.1)], 0.12, main)


def _key(rng: np.random.Generator, sheet: Sheet) -> None:
    main, mark = paints(rng)
    sheet.line([(0, -0.3), (0, 1)], 0.16, main)
    for y in (0.6, 0.85):
        sheet.line([(0, y), (0.35, y)], 0.14, main)
    sheet.dot(0, -0.6, 0.4, main)
    sheet.dot(0, -0.6, 0.18, shade(mark, 0.6))


def _wheel(rng: np.random.Generator, sheet: Sheet) -> None:
    main, mark = paints(rng)
    _ring(rng, sheet)
    for turn in np.arange(8) * np.pi / 4:
        sheet.line([(0, 0), (0.8 * np.cos(turn), 0.8 * np.sin(turn))], 0.08, main)
    sheet.dot(0, 0, 0.22, mark)


def _umbrella(rng: np.random.Generator, sheet: Sheet) -> None:
    main, mark = paints(rng)
    sheet.line([(0, -0.8), (0, 0.8), (0.15, 0.95), (0.3, 0.8)], 0.09, mark)
    turns = np.linspace(np.pi, 2.0 * np.pi, 30)
    dome = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    scallops = [(0.66, -0.18), (0.33, 0), (0, -0.18), (-0.33, 0), (-0.66, -0.18)]
    sheet.polygon(np.concatenate([dome, np.array(scallops)]), main)


def _sailboat(rng: np.random.Generator, sheet: Sheet) -> None:
    main, mark = paints(rng)
    sheet.polygon([(-0.8, 0.45), (0.8, 0.45), (0.5, 0.85), (-0.5, 0.85)], main)
    sheet.polygon([(-0.05, -0.95), (-0.05, 0.35), (-0.7, 0.35)], mark)
    sheet.polygon([(0.08, -0.7), (0.08, 0.35), (0.6, 0.35)], shade(mark, 1.2))


def _cup(rng: np.random.Generator, sheet: Sheet) -> None:
    main, mark = paints(rng)
    turns = np.linspace(-1.4, 1.4, 20)
    handle = np.stack([0.35 * np.cos(turns) + 0.5, 0.35 * np.sin(turns)], axis=1)
    sheet.line(handle, 0.12, main)
    sheet.polygon([(-0.65, -0.6), (0.55, -0.6), (0.4, 0.75), (-0.5, 0.75)], main)
    sheet.ellipse(-0.05, -0.6, 0.6, 0.15, shade(mark, 0.7))


def _dumbbell(rng: np.random.Generator, sheet: Sheet) -> None:
    main, mark = paints(rng)
    sheet.line([(0, -0.7), (0, 0.7)], rng.uniform(0.1, 0.2), mark)
    for y in (-0.65, 0.65):
        sheet.dot(0, y, rng.uniform(0.28, 0.36), main)


def _chain(rng: np.random.Generator, sheet: Sheet) -> None:
    """Beads along an arc."""
    main, mark = paints(rng)
    for place, turn in enumerate(np.linspace(0.0, np.pi, int(rng.integers(5, 8)))):
        color = main if place % 2 else mark
        sheet.dot(0.8 * np.cos(turn), 0.4 - 0.8 * np.sin(turn), 0.2, color)


def _dice(rng: np.random.Generator, sheet: Sheet) -> None:
    main, mark = paints(rng)
    sheet.polygon(regular(4), main)
    for x, y in ((0, 0), (0, -0.55), (0, 0.55), (0.55, 0), (-0.55, 0)):
        sheet.dot(x, y, 0.15, mark)


def _flag(rng: np.random.Generator, sheet: Sheet) -> None:
    main, mark = paints(rng)
    sheet.line([(-0.6, -1), (-0.6, 1)], 0.1, shade(main, 0.5))
    sheet.polygon([(-0.55, -0.9), (0.75, -0.6), (-0.55, -0.25)], main)
    sheet.dot(-0.3, -0.58, 0.14, mark)


def _pinwheel(rng: np.random.Generator, sheet: Sheet) -> None:
    main, mark = paints(rng)
    for place in range(4):
        turn = place * np.pi / 2.0
        turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        blade = np.array([(0.0, 0.0), (0.15, -0.95), (0.75, -0.55)]) @ turned.T
        sheet.polygon(blade, main if place % 2 else mark)


def _comb(rng: np.random.Generator, sheet: Sheet) -> None:
    main, _ = paints(rng)
    for x in np.linspace(-0.85, 0.85, int(rng.integers(7, 11))):
        sheet.line([(x, -0.3), (x, 0.6)], 0.07, main)
    sheet.line([(-0.95, -0.4), (0.95, -0.4)], 0.3, main)


SIGNS: dict[str, Sign] = {
    **{name: _outline(points) for name, points in OUTLINES.items()},
    **{name: _badge(pattern) for name, pattern in _PATTERNS.items()},
    "ring": _ring,
    "spring": _spring,
    "ladder": _ladder,
    "fork": _fork,
    "key": _key,
    "wheel": _wheel,
    "umbrella": _umbrella,
    "sailboat": _sailboat,
    "cup": _cup,
    "dumbbell": _dumbbell,
    "chain": _chain,
    "dice": _dice,
    "flag": _flag,
    "pinwheel": _pinwheel,
    "comb": _comb,
}

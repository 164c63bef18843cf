"""What lies beneath and around the forms: textured grounds, and clutter strewn over them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from delta_app.demo.canvas import Color, Pose, Sheet, smooth
from delta_app.demo.colors import clear, from_hsv, shade

Field = NDArray[np.float64]  # (side, side)

# Dark, middle and light of each ground, as hue, saturation, value.
_TONES = (
    ((0.28, 0.60, 0.22), (0.26, 0.50, 0.45), (0.22, 0.40, 0.68)),  # moss
    ((0.09, 0.45, 0.45), (0.10, 0.38, 0.66), (0.12, 0.28, 0.85)),  # sand
    ((0.06, 0.45, 0.18), (0.07, 0.42, 0.35), (0.08, 0.35, 0.55)),  # soil
    ((0.58, 0.10, 0.35), (0.08, 0.07, 0.55), (0.10, 0.06, 0.78)),  # stone
    ((0.33, 0.45, 0.30), (0.40, 0.35, 0.50), (0.38, 0.22, 0.75)),  # leaf
    ((0.95, 0.30, 0.50), (0.96, 0.30, 0.75), (0.98, 0.16, 0.93)),  # petal
    ((0.60, 0.40, 0.35), (0.57, 0.32, 0.58), (0.55, 0.18, 0.85)),  # water
)


def noise(rng: np.random.Generator, side: int, cells: tuple[int, int]) -> Field:
    """Smooth noise of 0 ... 1 with about cells[0] x cells[1] bumps across and down."""
    small = rng.random((cells[1], cells[0])).astype(np.float32)
    field = Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(field, dtype=np.float64), 0.0, 1.0)


def toned(field: Field, tones: tuple[Color, Color, Color]) -> Image.Image:
    """A field of 0 ... 1 as a picture running from the first to the last of three tones."""
    table = np.array([tone[:3] for tone in tones], dtype=np.float64)
    channels = [np.interp(field, (0.0, 0.5, 1.0), table[:, c]) for c in range(3)]
    return Image.fromarray(np.stack(channels, axis=-1).round().astype(np.uint8))


def ground(rng: np.random.Generator, side: int) -> Image.Image:
    """A textured ground in tones of its own, (side, side) RGB."""
    chosen = _TONES[rng.integers(len(_TONES))]
    turn, fade = rng.normal(0.0, 0.025), rng.uniform(0.75, 1.15)
    tones = tuple(from_hsv(h + turn, s, v * fade) for h, s, v in chosen)
    texture = _TEXTURES[rng.integers(len(_TEXTURES))]
    return texture(rng, side, (tones[0], tones[1], tones[2]))


Tones = tuple[Color, Color, Color]


def _mottled(rng: np.random.Generator, side: int, tones: Tones) -> Image.Image:
    coarse, middle, fine = (int(rng.integers(*span)) for span in ((3, 6), (9, 18), (30, 60)))
    field = (
        0.45 * noise(rng, side, (coarse, coarse))
        + 0.35 * noise(rng, side, (middle, middle))
        + 0.20 * noise(rng, side, (fine, fine))
    )
    return toned(_stretched(field), tones)


def _planks(rng: np.random.Generator, side: int, tones: Tones) -> Image.Image:
    grain = 0.6 * noise(rng, side, (3, int(rng.integers(20, 50)))) + 0.4 * noise(rng, side, (4, 6))
    picture = toned(_stretched(grain), tones)
    draw = ImageDraw.Draw(picture)
    boards = int(rng.integers(2, 5))
    for y in (np.arange(1, boards) + rng.uniform(-0.2, 0.2)) / boards * side:
        draw.line([(0, y), (side, y)], fill=shade(tones[0], 0.5), width=max(1, side // 90))
    return _quarter_turned(rng, picture)


def _blades(rng: np.random.Generator, side: int, tones: Tones) -> Image.Image:
    picture = _mottled(rng, side, tones)
    draw = ImageDraw.Draw(picture)
    lean = rng.normal(0.0, 0.5)
    for _ in range(int(rng.integers(50, 110))):
        x, y = rng.uniform(-0.1, 1.1, 2) * side
        length, tilt = side * rng.uniform(0.1, 0.35), lean + rng.normal(0.0, 0.25)
        tip = (x + length * np.sin(tilt), y - length * np.cos(tilt))
        half = side * rng.uniform(0.006, 0.014)
        color = shade(tones[rng.integers(3)], rng.uniform(0.75, 1.2))
        draw.polygon([(x - half, y), tip, (x + half, y)], fill=color)
    return _quarter_turned(rng, picture)


def _pebbles(rng: np.random.Generator, side: int, tones: Tones) -> Image.Image:
    picture = Image.new("RGB", (side, side), shade(tones[0], 0.7))
    sheet = Sheet(side, Pose((0.0, 0.0), 1.0))
    cells = int(rng.integers(4, 9))
    for row in range(cells + 1):
        for column in range(cells + 1):
            x, y = (np.array([column, row]) + rng.uniform(-0.2, 0.2, 2)) / cells
            radius = rng.uniform(0.38, 0.56) / cells
            color = shade(tones[rng.integers(3)], rng.uniform(0.8, 1.2))
            lump = _lump(rng, x, y, radius)
            sheet.polygon(lump, shade(color, 0.8))
            sheet.polygon((lump - (x, y)) * 0.8 + (x - radius / 9, y - radius / 9), color)
    picture.paste(sheet.layer, (0, 0), sheet.layer)
    return picture


def _veined(rng: np.random.Generator, side: int, tones: Tones) -> Image.Image:
    picture = _mottled(rng, side, (tones[1], shade(tones[1], 1.1), tones[2]))
    draw = ImageDraw.Draw(picture)
    color, middle = shade(tones[2], 1.3), side * rng.uniform(0.2, 0.8)
    gap, rise = side * rng.uniform(0.12, 0.25), rng.uniform(0.4, 1.0)
    draw.line([(middle, 0), (middle, side)], fill=color, width=max(1, side // 45))
    for y in np.arange(-side, 2 * side, gap):
        for way in (-1, 1):
            end = (middle + way * side, y - rise * side)
            draw.line([(middle, y), end], fill=color, width=max(1, side // 90))
    return _quarter_turned(rng, picture)


def _bokeh(rng: np.random.Generator, side: int, tones: Tones) -> Image.Image:
    picture = toned(_stretched(noise(rng, side, (3, 3))), tones).convert("RGB")
    draw = ImageDraw.Draw(picture, "RGBA")
    for _ in range(int(rng.integers(6, 16))):
        x, y = rng.uniform(0.0, side, 2)
        radius = side * rng.uniform(0.04, 0.16)
        color = clear(shade(tones[rng.integers(3)], rng.uniform(0.8, 1.5)), rng.uniform(0.2, 0.5))
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=color)
    return picture


_TEXTURES: tuple[Callable[[np.random.Generator, int, Tones], Image.Image], ...] = (
    _mottled,
    _planks,
    _blades,
    _pebbles,
    _veined,
    _bokeh,
)


def clutter(rng: np.random.Generator, sheet: Sheet, pieces: int) -> None:
    """Strew leaves, twigs, petals and grit over the sheet, away from nothing in particular."""
    for _ in range(pieces):
        x, y = rng.uniform(-0.05, 1.05, 2)
        tones = _TONES[rng.integers(len(_TONES))]
        hue, saturation, value = tones[rng.integers(3)]
        color = from_hsv(hue + rng.normal(0.0, 0.03), saturation, value)
        angle = rng.uniform(0.0, 2.0 * np.pi)
        kind = rng.integers(4)
        if kind == 0:
            litter_leaf(sheet, x, y, rng.uniform(0.05, 0.15), angle, color)
        elif kind == 1:
            reach = rng.uniform(0.08, 0.3) * np.array([np.cos(angle), np.sin(angle)])
            bend = rng.normal(0.0, 0.03, 2)
            twig = np.array([x, y]) + np.stack([-reach, bend, reach])
            sheet.line(twig, rng.uniform(0.008, 0.02), color)
        elif kind == 2:
            sheet.ellipse(x, y, rng.uniform(0.02, 0.06), rng.uniform(0.015, 0.03), color, angle)
        else:
            sheet.polygon(_lump(rng, x, y, rng.uniform(0.012, 0.05)), color)


def litter_leaf(
    sheet: Sheet, x: float, y: float, length: float, angle: float, color: Color
) -> None:
    """A pointed leaf with a midrib, its middle at (x, y)."""
    middle = np.array([x, y])
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    widths = np.array([0.0, 0.28, 0.34, 0.22, 0.0]) * length
    stations = np.linspace(-1.0, 1.0, 5) * length
    one = [along * s + across * w for s, w in zip(stations, widths, strict=True)]
    other = [along * s - across * w for s, w in zip(stations, widths, strict=True)]
    outline = middle + np.array([*one, *other[-2:0:-1]])
    sheet.polygon(outline, color)
    ribs = middle + np.array([along * stations[0] * 1.25, along * stations[-1] * 0.9])
    sheet.line(ribs, length * 0.06, shade(color, 0.65))


def _lump(rng: np.random.Generator, x: float, y: float, radius: float) -> NDArray[np.float64]:
    turns = np.arange(7) * 2.0 * np.pi / 7
    radii = radius * rng.uniform(0.75, 1.15, 7)
    corners = np.stack([radii * np.cos(turns), radii * np.sin(turns)], axis=1)
    return np.array([x, y]) + smooth(corners, 4)


def _stretched(field: Field) -> Field:
    low, high = float(field.min()), float(field.max())
    return (field - low) / max(high - low, 1e-6)


def _quarter_turned(rng: np.random.Generator, picture: Image.Image) -> Image.Image:
    turns = (None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180)
    turn = turns[rng.integers(3)]
    return picture if turn is None else picture.transpose(turn)

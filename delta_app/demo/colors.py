"""Colours: one range for all forms, so that colour alone never tells a class for sure."""

from __future__ import annotations

import colorsys

import numpy as np

from delta_app.demo.canvas import Color

# Hue, saturation, value: what forms are painted with, whatever their class.
_PAINTS = {
    "red": (0.00, 0.80, 0.78),
    "orange": (0.06, 0.85, 0.85),
    "yellow": (0.12, 0.80, 0.92),
    "green": (0.27, 0.60, 0.60),
    "teal": (0.47, 0.65, 0.60),
    "blue": (0.58, 0.70, 0.75),
    "violet": (0.74, 0.50, 0.65),
    "pink": (0.92, 0.50, 0.80),
    "brown": (0.08, 0.60, 0.45),
    "cream": (0.10, 0.20, 0.92),
    "slate": (0.60, 0.15, 0.30),
}


def paint(rng: np.random.Generator, name: str | None = None) -> Color:
    """The colour of that name, a little varied; without a name any of them."""
    chosen = rng.integers(len(_PAINTS)) if name is None else list(_PAINTS).index(name)
    hue, saturation, value = list(_PAINTS.values())[chosen]
    return from_hsv(
        hue + rng.normal(0.0, 0.02),
        saturation * rng.uniform(0.7, 1.15),
        value * rng.uniform(0.75, 1.15),
    )


def paints(rng: np.random.Generator, usual: tuple[str, str] | None = None) -> tuple[Color, Color]:
    """A main colour and one for its markings that stands out from it.

    Args:
        usual: names of the two that every other picture takes.
    """
    if usual is not None and rng.random() < 0.5:
        return paint(rng, usual[0]), paint(rng, usual[1])
    main = paint(rng)
    for _ in range(20):
        other = paint(rng)
        if abs(lightness(main) - lightness(other)) > 60.0:
            return main, other
    return main, shade(main, 0.35 if lightness(main) > 110.0 else 2.2)


def from_hsv(hue: float, saturation: float, value: float) -> Color:
    """An RGB colour of 0 ... 255 from hue, saturation and value of 0 ... 1."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, min(saturation, 1.0), min(value, 1.0))
    return round(255 * red), round(255 * green), round(255 * blue)


def shade(color: Color, factor: float) -> Color:
    """The colour darker (factor below 1) or lighter (towards white above 1)."""
    if factor <= 1.0:
        red, green, blue = (round(c * factor) for c in color[:3])
    else:
        share = 1.0 - 1.0 / factor
        red, green, blue = (round(c + (255 - c) * share) for c in color[:3])
    return red, green, blue


def clear(color: Color, opacity: float) -> Color:
    """The colour, see-through."""
    return color[0], color[1], color[2], round(255 * opacity)


def lightness(color: Color) -> float:
    """Rec. 601 luma, 0 ... 255."""
    return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]

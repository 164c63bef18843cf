"""The ten small animals of the garden: what the demo fine-tunes on.

Each is drawn around the origin, head up (y = -1), in units of half its length. Body, legs and
wings vary from picture to picture; every other picture has the animal's usual colours, all others
any.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from delta_app.demo.canvas import Color, Points, Sheet, ellipse, mirrored, smooth
from delta_app.demo.colors import clear, paints, shade

_DARK: Color = (38, 30, 28)


def _both(sheet: Sheet, points: Points | list[tuple[float, float]], fill: Color) -> None:
    outline = np.asarray(points, dtype=np.float64)
    sheet.polygon(outline, fill)
    sheet.polygon(mirrored(outline), fill)


def _both_lines(sheet: Sheet, points: list[tuple[float, float]], width: float, fill: Color) -> None:
    sheet.line(points, width, fill)
    sheet.line(mirrored(points), width, fill)


def _around(outline: Points, hinge: tuple[float, float], factor: float) -> Points:
    """The outline drawn together towards a hinge."""
    shrunk: Points = (outline - hinge) * factor + hinge
    return shrunk


def _legs(
    rng: np.random.Generator, sheet: Sheet, ys: list[float], reach: float, width: float
) -> None:
    """Pairs of legs with a knee, fanned out from front to back."""
    for place, y in enumerate(ys):
        fan = -0.35 + 0.7 * place / max(len(ys) - 1, 1)
        knee = (reach * 0.6, y + 0.7 * fan + rng.normal(0.0, 0.03) - 0.05)
        foot = (reach, y + 1.2 * fan + rng.normal(0.0, 0.05) + 0.05)
        _both_lines(sheet, [(0.0, y), knee, foot], width, _DARK)


def _feelers(
    rng: np.random.Generator, sheet: Sheet, y: float, length: float, knob: float = 0.0
) -> None:
    spread = length * rng.uniform(0.45, 0.8)
    tip = (spread, y - length * 0.85)
    _both_lines(sheet, [(0.04, y), (spread * 0.4, y - length * 0.5), tip], 0.03, _DARK)
    if knob:
        _both(sheet, ellipse(*tip, knob, knob), _DARK)


def _bands(sheet: Sheet, y: float, rx: float, ry: float, count: int, fill: Color) -> None:
    """Stripes across an ellipse at (0, y), clipped to it."""
    edges = np.linspace(-0.8, 0.95, 2 * count + 1)
    for top, bottom in zip(edges[1::2], edges[2::2], strict=True):
        rows = np.linspace(top, bottom, 6)
        half = rx * np.sqrt(np.clip(1.0 - rows**2, 0.0, None))
        right = np.stack([half, y + ry * rows], axis=1)
        sheet.polygon(np.concatenate([right, mirrored(right)[::-1]]), fill)


def ant(rng: np.random.Generator, sheet: Sheet) -> None:
    """Three beads in a row, six thin legs, bent feelers."""
    main, _ = paints(rng, ("slate", "brown"))
    _legs(rng, sheet, [-0.22, -0.1, 0.02], rng.uniform(0.55, 0.75), 0.045)
    elbow = (rng.uniform(0.22, 0.34), -0.85)
    tip = (elbow[0] + 0.12, elbow[1] - 0.25)
    _both_lines(sheet, [(0.05, -0.68), elbow, tip], 0.035, _DARK)
    sheet.line([(0, -0.5), (0, 0.4)], 0.08, shade(main, 0.7))
    sheet.ellipse(0, -0.6, 0.19, 0.18, main)
    sheet.ellipse(0, -0.14, 0.13, rng.uniform(0.2, 0.26), shade(main, 0.85))
    sheet.ellipse(0, 0.52, rng.uniform(0.24, 0.32), rng.uniform(0.34, 0.42), main)


def spider(rng: np.random.Generator, sheet: Sheet) -> None:
    """Two body parts, eight long legs with a high knee."""
    main, mark = paints(rng, ("brown", "cream"))
    reach = rng.uniform(0.75, 1.0)
    for fan in (-0.95, -0.35, 0.3, 0.85):
        bend = rng.normal(0.0, 0.05)
        knee = (reach * 0.5, -0.15 + 0.6 * fan - 0.12 + bend)
        foot = (reach * rng.uniform(0.85, 1.0), -0.1 + 1.05 * fan + bend)
        _both_lines(sheet, [(0.05, -0.15), knee, foot], 0.05, shade(main, 0.55))
    sheet.ellipse(0, -0.25, 0.2, 0.23, shade(main, 0.8))
    wide, long = rng.uniform(0.28, 0.38), rng.uniform(0.36, 0.46)
    sheet.ellipse(0, 0.32, wide, long, main)
    if rng.random() < 0.5:
        sheet.ellipse(0, 0.3, wide * 0.3, long * 0.7, mark)
    for y in rng.choice([0.1, 0.25, 0.4, 0.52], 2, replace=False):
        _both(sheet, ellipse(wide * 0.45, y, 0.055, 0.055), mark)


def bee(rng: np.random.Generator, sheet: Sheet) -> None:
    """A stout, banded, rounded abdomen and short wings."""
    main, mark = paints(rng, ("yellow", "slate"))
    _legs(rng, sheet, [-0.25, -0.1, 0.1], 0.5, 0.04)
    _feelers(rng, sheet, -0.72, 0.28)
    wide, long = rng.uniform(0.34, 0.42), rng.uniform(0.46, 0.54)
    sheet.ellipse(0, 0.36, wide, long, main)
    _bands(sheet, 0.36, wide, long, int(rng.integers(2, 4)), mark)
    sheet.ellipse(0, -0.28, 0.32, 0.27, shade(mark, 0.9))
    sheet.ellipse(0, -0.62, 0.2, 0.15, _DARK)
    swing = rng.uniform(0.5, 1.0)
    veil = clear((235, 240, 245), 0.72)
    _both(sheet, ellipse(0.5, 0.02, 0.42, 0.17, swing * 0.5), veil)
    _both(sheet, ellipse(0.42, 0.24, 0.3, 0.12, swing), veil)


def wasp(rng: np.random.Generator, sheet: Sheet) -> None:
    """A narrow waist, a long banded abdomen that ends in a point, slender wings."""
    main, mark = paints(rng, ("yellow", "slate"))
    _legs(rng, sheet, [-0.35, -0.25, -0.12], 0.55, 0.035)
    _feelers(rng, sheet, -0.75, 0.36)
    wide = rng.uniform(0.2, 0.26)
    half = [(0.03, -0.08), (wide * 0.8, 0.15), (wide, 0.4), (wide * 0.6, 0.75), (0.0, 1.0)]
    outline = np.array(half)
    sheet.polygon(np.concatenate([outline, mirrored(outline)[::-1]]), main)
    for y, width in zip((0.14, 0.36, 0.58, 0.76), (0.78, 0.98, 0.8, 0.55), strict=True):
        sheet.polygon(ellipse(0, y, wide * width, 0.055), mark)
    sheet.ellipse(0, -0.33, 0.2, 0.25, shade(mark, 0.9))
    sheet.ellipse(0, -0.68, 0.17, 0.12, _DARK)
    swing = rng.uniform(0.4, 1.0)
    veil = clear((235, 240, 245), 0.72)
    _both(sheet, ellipse(0.48, 0.0, 0.46, 0.1, swing * 0.7), veil)
    _both(sheet, ellipse(0.36, 0.18, 0.32, 0.08, swing), veil)


def ladybird(rng: np.random.Generator, sheet: Sheet) -> None:
    """A round dome, parted down the middle, with spots."""
    main, mark = paints(rng, ("red", "slate"))
    _legs(rng, sheet, [-0.3, 0.05, 0.4], 0.85, 0.06)
    _feelers(rng, sheet, -0.75, 0.2)
    wide = rng.uniform(0.66, 0.74)
    sheet.ellipse(0, -0.56, 0.36, 0.26, _DARK)
    _both(sheet, ellipse(0.2, -0.62, 0.09, 0.07), (235, 230, 220))
    sheet.ellipse(0, 0.14, wide, 0.7, main)
    sheet.line([(0, -0.5), (0, 0.84)], 0.05, mark)
    places = [(0.3, -0.2), (0.42, 0.25), (0.22, 0.52), (0.16, 0.12), (0.5, 0.02)]
    size = rng.uniform(0.08, 0.14)
    for place in rng.choice(len(places), int(rng.integers(2, 5)), replace=False):
        x, y = places[int(place)]
        _both(sheet, ellipse(x, y, size, size), mark)


def beetle(rng: np.random.Generator, sheet: Sheet) -> None:
    """A long body with ridged or spotted wing cases, a broad neck shield and strong legs."""
    main, mark = paints(rng, ("green", "slate"))
    _legs(rng, sheet, [-0.3, 0.0, 0.3], rng.uniform(0.65, 0.8), 0.06)
    _feelers(rng, sheet, -0.85, rng.uniform(0.2, 0.5))
    wide = rng.uniform(0.4, 0.5)
    sheet.ellipse(0, -0.78, 0.2, 0.16, _DARK)
    shield = [(-0.28, -0.72), (0.28, -0.72), (wide * 0.95, -0.36), (-wide * 0.95, -0.36)]
    sheet.polygon(shield, shade(main, 0.7))
    case = smooth([(0.0, -0.4), (wide, -0.3), (wide * 1.05, 0.25), (wide * 0.6, 0.8), (0.0, 0.95)])
    _both(sheet, np.array([p for p in case if p[0] >= 0.0]), main)
    sheet.line([(0, -0.38), (0, 0.92)], 0.05, shade(main, 0.45))
    if rng.random() < 0.4:
        for y in (-0.1, 0.25, 0.55)[: int(rng.integers(1, 4))]:
            _both(sheet, ellipse(wide * 0.5, y, 0.09, 0.09), mark)
    else:
        for x in (0.35, 0.65):
            ridge = [(wide * x, -0.28), (wide * x * 1.1, 0.2), (wide * x * 0.7, 0.7)]
            _both_lines(sheet, ridge, 0.03, shade(main, 0.7))


def butterfly(rng: np.random.Generator, sheet: Sheet) -> None:
    """Four broad, rounded wings held apart, a thin body, knobbed feelers."""
    main, mark = paints(rng, ("orange", "slate"))
    opened = rng.uniform(0.7, 1.05)
    fore = smooth([(0.05, -0.25), (0.45, -0.8), (0.95, -0.8), (0.85, -0.25), (0.3, 0.05)])
    hind = smooth([(0.05, 0.0), (0.5, -0.05), (0.8, 0.3), (0.55, 0.75), (0.2, 0.5)])
    for wing, hinge in ((hind, (0.1, 0.1)), (fore, (0.1, -0.1))):
        edge = wing * (opened, 1.0)
        _both(sheet, edge, mark)
        _both(sheet, _around(edge, hinge, rng.uniform(0.74, 0.88)), main)
    if rng.random() < 0.7:
        _both(sheet, ellipse(0.62 * opened, -0.5, 0.1, 0.1), mark)
        _both(sheet, ellipse(0.48 * opened, 0.32, 0.09, 0.09), mark)
    if rng.random() < 0.5:
        for x, y in ((0.75, -0.62), (0.7, -0.35)):
            _both_lines(sheet, [(0.1, -0.18), (x * opened, y)], 0.025, mark)
    sheet.ellipse(0, 0.0, 0.07, 0.45, _DARK)
    _feelers(rng, sheet, -0.4, 0.5, knob=0.045)


def moth(rng: np.random.Generator, sheet: Sheet) -> None:
    """Wings swept back to a triangle, a thick body, combed feelers."""
    main, mark = paints(rng, ("brown", "cream"))
    opened = rng.uniform(0.75, 1.1)
    hind = smooth([(0.1, 0.0), (0.6, 0.25), (0.55, 0.7), (0.15, 0.75)]) * (opened, 1.0)
    fore = smooth([(0.05, -0.5), (0.5, -0.2), (0.98, 0.35), (0.6, 0.45), (0.1, 0.2)])
    fore = fore * (opened, 1.0)
    _both(sheet, hind, shade(main, 1.25))
    _both(sheet, _around(hind, (0.0, 0.2), 0.8), shade(main, 1.1))
    _both(sheet, fore, main)
    for reach in rng.choice([0.4, 0.6, 0.8], 2, replace=False):
        wave = [
            (0.1, -0.42 + reach),
            (0.5 * reach, -0.3 + 0.5 * reach),
            (reach, -0.35 + reach * 0.5),
        ]
        _both_lines(sheet, [(x * opened, y) for x, y in wave], 0.05, mark)
    if rng.random() < 0.6:
        _both(sheet, ellipse(0.5 * opened, 0.05, 0.09, 0.09), mark)
    sheet.ellipse(0, 0.1, 0.15, 0.55, shade(main, 0.6))
    sheet.ellipse(0, -0.42, 0.17, 0.17, shade(main, 0.8))
    _both_lines(sheet, [(0.06, -0.52), (0.32, -0.85)], 0.03, _DARK)
    for share in (0.35, 0.55, 0.75, 0.95):
        x, y = 0.06 + 0.26 * share, -0.52 - 0.33 * share
        _both_lines(sheet, [(x - 0.07, y - 0.03), (x + 0.08, y + 0.04)], 0.025, _DARK)


def dragonfly(rng: np.random.Generator, sheet: Sheet) -> None:
    """A long thin abdomen, great eyes, four long narrow wings held out straight."""
    main, mark = paints(rng, ("teal", "slate"))
    veil = clear(shade(main, 2.5), 0.75)
    for y, tilt in ((-0.42, rng.uniform(-0.3, -0.05)), (-0.22, rng.uniform(0.0, 0.3))):
        wing = ellipse(0.5, 0.0, 0.5, 0.105) @ _turn(tilt).T + (0.05, y)
        _both(sheet, wing, veil)
        tip = (0.05 + 0.85 * np.cos(tilt), y + 0.85 * np.sin(tilt))
        _both(sheet, ellipse(*tip, 0.07, 0.04, tilt), mark)
        _both_lines(sheet, [(0.05, y), tip], 0.022, _DARK)
    sheet.line([(0, -0.3), (0, 0.95)], 0.085, main)
    for y in np.arange(0.05, 0.95, 0.18):
        sheet.line([(0, y), (0, y + 0.06)], 0.085, mark)
    sheet.ellipse(0, -0.36, 0.12, 0.2, shade(main, 0.8))
    _both(sheet, ellipse(0.08, -0.66, 0.11, 0.12), shade(mark, 0.8))


def snail(rng: np.random.Generator, sheet: Sheet) -> None:
    """From the side: a wound shell on a long foot, two stalks with eyes."""
    main, mark = paints(rng, ("brown", "cream"))
    skin = shade(mark, 1.2)
    foot = smooth(
        [
            (-0.95, 0.6),
            (-0.5, 0.42),
            (0.4, 0.4),
            (0.68, -0.02),
            (0.92, 0.0),
            (0.9, 0.35),
            (0.6, 0.62),
        ]
    )
    sheet.polygon(foot, skin)
    for x in (0.72, 0.86):
        tip = (x + rng.uniform(0.0, 0.16), rng.uniform(-0.5, -0.3))
        sheet.line([(x, 0.05), tip], 0.045, skin)
        sheet.dot(*tip, 0.055, _DARK)
    sheet.ellipse(-0.1, -0.08, 0.58, 0.54, main)
    turns = np.linspace(0.0, rng.uniform(2.0, 2.8) * 2.0 * np.pi, 60)
    radii = 0.5 * (1.0 - turns / (turns[-1] * 1.08))
    spiral = np.stack(
        [radii * np.cos(turns + 0.6) - 0.1, radii * np.sin(turns + 0.6) - 0.08], axis=1
    )
    sheet.line(spiral, 0.055, shade(main, 0.5))


def _turn(angle: float) -> Points:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


CREATURES: dict[str, Callable[[np.random.Generator, Sheet], None]] = {
    "ant": ant,
    "bee": bee,
    "beetle": beetle,
    "butterfly": butterfly,
    "dragonfly": dragonfly,
    "ladybird": ladybird,
    "moth": moth,
    "snail": snail,
    "spider": spider,
    "wasp": wasp,
}

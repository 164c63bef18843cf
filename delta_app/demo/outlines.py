"""Outlines of the signs that their contour tells apart, within -1 ... 1, upright."""

from __future__ import annotations

import numpy as np

from delta_app.demo.canvas import Points, mirrored, regular, smooth


def path(corners: str) -> Points:
    """Corners written as "x,y x,y ...", in hundredths."""
    pairs = [corner.split(",") for corner in corners.split()]
    return np.array(pairs, dtype=np.float64) / 100.0


def _heart() -> Points:
    t = np.linspace(0.0, 2.0 * np.pi, 40, endpoint=False)
    x = np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 17.0
    return np.stack([x, y], axis=1)


def _crescent() -> Points:
    outer = np.linspace(0.7, 2.0 * np.pi - 0.7, 40)
    inner = np.linspace(2.0 * np.pi - 0.9, 0.9, 40)
    back = np.stack([0.72 * np.cos(inner) + 0.32, 0.82 * np.sin(inner)], axis=1)
    return np.concatenate([np.stack([np.cos(outer), np.sin(outer)], axis=1), back])


def _gear(teeth: int = 9) -> Points:
    turns = np.linspace(0.0, 2.0 * np.pi, 4 * teeth, endpoint=False)
    radii = np.tile([0.72, 1.0, 1.0, 0.72], teeth)
    return np.stack([radii * np.cos(turns), radii * np.sin(turns)], axis=1)


def _vase() -> Points:
    half = path("30,-100 20,-70 60,-10 60,40 30,95")
    return np.concatenate([half, mirrored(half)[::-1]])


OUTLINES: dict[str, Points] = {
    "triangle": regular(3),
    "square": regular(4),
    "hexagon": regular(6),
    "star": regular(5, inner=0.42),
    "burst": regular(12, inner=0.62),
    "clover": smooth(regular(4, inner=0.35), 6),
    "heart": _heart(),
    "crescent": _crescent(),
    "gear": _gear(),
    "drop": smooth(path("0,-100 35,-25 62,35 0,95 -62,35 -35,-25")),
    "cloud": smooth(path("-95,30 -75,-10 -40,-15 -20,-55 30,-50 50,-10 85,-10 95,30 50,45 -50,45")),
    "vase": _vase(),
    "cross": path(
        "-30,-100 30,-100 30,-30 100,-30 100,30 30,30 "
        "30,100 -30,100 -30,30 -100,30 -100,-30 -30,-30"
    ),
    "arrow": path("0,-100 70,-20 25,-20 25,100 -25,100 -25,-20 -70,-20"),
    "bolt": path("20,-100 -55,15 -5,10 -25,100 55,-25 5,-15"),
    "hourglass": path("-60,-90 60,-90 10,0 60,90 -60,90 -10,0"),
    "house": path("0,-100 85,-20 60,-20 60,80 -60,80 -60,-20 -85,-20"),
    "crown": path("-90,60 -95,-60 -45,0 0,-80 45,0 95,-60 90,60"),
    "letter_l": path("-55,-100 -10,-100 -10,50 60,50 60,95 -55,95"),
    "letter_t": path("-80,-90 80,-90 80,-45 22,-45 22,95 -22,95 -22,-45 -80,-45"),
    "letter_z": path("-70,-90 75,-90 75,-50 -10,50 75,50 75,90 -75,90 -75,50 10,-50 -70,-50"),
}

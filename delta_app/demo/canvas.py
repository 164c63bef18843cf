"""A sheet to draw on: antialiased by supersampling, with forms placed by a pose."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Points = NDArray[np.float64]  # (P, 2), x to the right and y down
Color = tuple[int, int, int] | tuple[int, int, int, int]


def generator_for(*parts: object) -> np.random.Generator:
    """The random generator of one picture: depends on nothing but the parts' text."""
    digest = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


@dataclass(frozen=True)
class Pose:
    """Where a form lies: p -> position + scale * R(angle) * (stretch_x * x, stretch_y * y).

    A form is drawn around the origin within about -1 ... 1; position and scale are in sheet
    widths, so a form of scale 0.3 in the middle covers 0.2 ... 0.8 of the picture.
    """

    position: tuple[float, float] = (0.5, 0.5)
    scale: float = 0.4
    angle: float = 0.0  # radians
    stretch: tuple[float, float] = (1.0, 1.0)

    def place(self, points: Points) -> Points:
        """Points of the form (P, 2) in sheet widths."""
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        turn = np.array([[cosine, -sine], [sine, cosine]])
        placed: Points = (points * self.stretch) @ turn.T * self.scale + self.position
        return placed


class Sheet:
    """A transparent square layer, drawn `supersampling` times larger than its pictures.

    Args:
        side: side of the layer in its own, supersampled pixels.
    """

    def __init__(self, side: int, pose: Pose) -> None:
        self.side = side
        self.pose = pose
        self.layer = Image.new("RGBA", (side, side))
        self._draw = ImageDraw.Draw(self.layer)

    def _pixels(self, points: Points | Sequence[Sequence[float]]) -> list[tuple[float, float]]:
        placed = self.pose.place(np.asarray(points, dtype=np.float64)) * self.side
        return [(float(x), float(y)) for x, y in placed]

    def _width(self, width: float) -> int:
        return max(1, round(width * self.pose.scale * self.side))

    def polygon(self, points: Points | Sequence[Sequence[float]], fill: Color) -> None:
        """Fill a polygon; a transparent fill replaces what lies beneath."""
        self._draw.polygon(self._pixels(points), fill=fill)

    def line(self, points: Points | Sequence[Sequence[float]], width: float, fill: Color) -> None:
        """Draw a line with round joints; `width` in the form's own units."""
        self._draw.line(self._pixels(points), fill=fill, width=self._width(width), joint="curve")

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, fill: Color, angle: float = 0.0
    ) -> None:
        """Fill an ellipse around (x, y) with half axes rx and ry, turned by `angle`."""
        self.polygon(ellipse(x, y, rx, ry, angle), fill)

    def dot(self, x: float, y: float, radius: float, fill: Color) -> None:
        """Fill a circle."""
        self.ellipse(x, y, radius, radius, fill)

    def patterned(self, points: Points | Sequence[Sequence[float]], pattern: Image.Image) -> None:
        """Fill a polygon with a picture as large as the sheet."""
        mask = Image.new("L", self.layer.size)
        ImageDraw.Draw(mask).polygon(self._pixels(points), fill=255)
        self.layer.paste(pattern, (0, 0), mask)


def ellipse(x: float, y: float, rx: float, ry: float, angle: float = 0.0) -> Points:
    """Points on an ellipse's edge, (36, 2)."""
    turns = np.linspace(0.0, 2.0 * np.pi, 36, endpoint=False)
    edge = np.stack([rx * np.cos(turns), ry * np.sin(turns)], axis=1)
    cosine, sine = np.cos(angle), np.sin(angle)
    placed: Points = edge @ np.array([[cosine, sine], [-sine, cosine]]) + (x, y)
    return placed


def smooth(points: Points | Sequence[Sequence[float]], steps: int = 8) -> Points:
    """A closed Catmull-Rom curve through the points, `steps` points a piece."""
    corners = np.asarray(points, dtype=np.float64)  # (P, 2)
    before, after = np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0)
    beyond = np.roll(corners, -2, axis=0)
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[None, :, None]  # (1, steps, 1)
    p0, p1, p2, p3 = (each[:, None, :] for each in (before, corners, after, beyond))
    curve = 0.5 * (
        2 * p1
        + (p2 - p0) * t
        + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
        + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )  # (P, steps, 2)
    flat: Points = curve.reshape(-1, 2)
    return flat


def regular(corners: int, radius: float = 1.0, inner: float | None = None) -> Points:
    """A regular polygon with a corner on top; with `inner` a star of that inner radius."""
    count = corners if inner is None else 2 * corners
    turns = np.arange(count) * 2.0 * np.pi / count - np.pi / 2.0
    radii = np.full(count, radius)
    if inner is not None:
        radii[1::2] = inner
    polygon: Points = np.stack([radii * np.cos(turns), radii * np.sin(turns)], axis=1)
    return polygon


def mirrored(points: Points | Sequence[Sequence[float]]) -> Points:
    """The points on the other side of the form's long axis."""
    flipped: Points = np.asarray(points, dtype=np.float64) * (-1.0, 1.0)
    return flipped

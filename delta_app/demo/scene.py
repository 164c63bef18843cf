"""One picture: a form on a ground, with shadow, clutter before and behind, light and noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from delta_app.demo.canvas import Pose, Sheet, generator_for
from delta_app.demo.grounds import clutter, ground, noise

Form = Callable[[np.random.Generator, Sheet], None]
_WHOLE = Pose((0.0, 0.0), 1.0)


@dataclass(frozen=True)
class Difficulty:
    """How much the pictures of one set vary.

    Attributes:
        scale: half the form's length, smallest and largest, in picture widths.
        turn: largest rotation to either side, radians.
        behind, before: most pieces of clutter beneath and above the form.
        noise: largest standard deviation of the pixel noise, of 255.
        blur: largest radius of the blur, in pixels of a picture of 96.
    """

    scale: tuple[float, float] = (0.2, 0.42)
    turn: float = np.pi
    behind: int = 14
    before: int = 5
    noise: float = 14.0
    blur: float = 0.9


def draw_scene(
    form: Form, *parts: object, side: int, supersampling: int, difficulty: Difficulty
) -> Image.Image:
    """The picture (side, side) RGB that belongs to `parts`: the same parts, the same picture."""
    rng = generator_for(*parts)
    large = side * supersampling
    picture = ground(rng, large)
    behind = Sheet(large, _WHOLE)
    clutter(rng, behind, int(rng.integers(0, difficulty.behind + 1)))
    _lay(picture, _rounded(behind.layer, large, 0.25), large, rng.uniform(0.2, 0.5), 0.008)
    sheet = Sheet(large, _pose(rng, difficulty))
    form(rng, sheet)
    _lay(picture, _rounded(sheet.layer, large, 0.45), large, rng.uniform(0.25, 0.6), 0.02)
    before = Sheet(large, _WHOLE)
    clutter(rng, before, int(rng.integers(0, difficulty.before + 1)))
    _lay(picture, _rounded(before.layer, large, 0.25), large, rng.uniform(0.2, 0.5), 0.03)
    return _developed(rng, picture.reduce(supersampling), difficulty)


def _pose(rng: np.random.Generator, difficulty: Difficulty) -> Pose:
    scale = rng.uniform(*difficulty.scale)
    room = max(0.5 - 0.8 * scale, 0.0)  # a form may be cut off a little at the edge
    x, y = rng.uniform(-room, room, 2) + 0.5
    squeeze = rng.uniform(0.8, 1.0)
    mirror = 1.0 if rng.random() < 0.5 else -1.0
    stretch = (mirror * squeeze, 1.0) if rng.random() < 0.5 else (mirror, squeeze)
    return Pose((x, y), scale, rng.uniform(-difficulty.turn, difficulty.turn), stretch)


def _rounded(layer: Image.Image, side: int, depth: float) -> Image.Image:
    """The layer with its rims darkened, as if it were arched."""
    alpha = layer.getchannel("A")
    arch = alpha.filter(ImageFilter.BoxBlur(side * 0.016))
    light = arch.point([round(255 * (1.0 - depth) + depth * value) for value in range(256)])
    shaded = ImageChops.multiply(layer.convert("RGB"), Image.merge("RGB", (light, light, light)))
    shaded.putalpha(alpha)
    return shaded


def _lay(
    picture: Image.Image, layer: Image.Image, side: int, darkness: float, height: float
) -> None:
    """Put the layer on the picture with a soft shadow towards the lower right."""
    away = round(side * height)
    shadow = ImageChops.offset(layer.getchannel("A"), away, away)
    shadow = shadow.filter(ImageFilter.BoxBlur(side * height * 0.5))
    shadow = shadow.point([round(darkness * value) for value in range(256)])
    picture.paste((12, 10, 20), (0, 0), shadow)
    picture.paste(layer, (0, 0), layer)


def _developed(
    rng: np.random.Generator, picture: Image.Image, difficulty: Difficulty
) -> Image.Image:
    """Uneven light, exposure, tint, blur and noise."""
    side = picture.width
    blur = rng.uniform(0.0, difficulty.blur) * side / 96.0
    if rng.random() < 0.5:
        picture = picture.filter(ImageFilter.GaussianBlur(blur))
    values = np.asarray(picture, dtype=np.float64)  # (side, side, 3)
    light = 1.0 + rng.uniform(0.0, 0.5) * (noise(rng, side, (2, 2)) - 0.5)
    values = values * light[..., None] * rng.uniform(0.8, 1.15) * rng.normal(1.0, 0.05, 3)
    contrast = rng.uniform(0.75, 1.1)
    values = (values - 120.0) * contrast + 120.0
    values += rng.normal(0.0, rng.uniform(0.0, difficulty.noise), values.shape)
    return Image.fromarray(np.clip(values, 0.0, 255.0).round().astype(np.uint8))

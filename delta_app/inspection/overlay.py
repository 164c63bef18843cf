"""Maps painted over the picture that the network saw."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from delta_app.inspection.colors import LEVELS, ColorTable, color_table
from delta_app.inspection.scale import Scale

OPACITY = 0.6


def enlarged(values: Tensor, height: int, width: int) -> Tensor:
    """A map (h, w) drawn out to (height, width), bilinear, by the centres of its positions."""
    grid = values[None, None].float()  # (1, 1, h, w)
    size = (height, width)
    return F.interpolate(grid, size=size, mode="bilinear", align_corners=False)[0, 0]


def paint(values: Tensor, scale: Scale, table: ColorTable) -> NDArray[np.uint8]:
    """A map in the table's colours.

    Args:
        values: any shape.
        scale: which values take the lowest and the highest colour.

    Returns:
        RGB, the map's shape with 3 at the end.
    """
    levels = (scale.positions(values) * (LEVELS - 1)).round().to(torch.uint8)
    return color_table(table)[levels.cpu().numpy()]


def overlay(
    picture: NDArray[np.uint8],
    values: Tensor,
    scale: Scale,
    table: ColorTable,
    *,
    opacity: float = OPACITY,
) -> NDArray[np.uint8]:
    """(1 - opacity) * grey picture + opacity * painted map, the map drawn out bilinear.

    The picture is shown in grey, so that every colour is the map's.

    Args:
        picture: what the network saw before normalisation, (H, W, 3).
        values: a map of one layer, (h, w).
        opacity: share of the map in each pixel, from 0 to 1.

    Returns:
        RGB, (H, W, 3).

    Raises:
        ValueError: the opacity is not from 0 to 1.
    """
    if not 0 <= opacity <= 1:
        raise ValueError(f"an opacity is from 0 to 1, got {opacity}")
    height, width = picture.shape[:2]
    colors = paint(enlarged(values, height, width), scale, table).astype(np.float32)
    mixed = (1 - opacity) * _grey(picture)[..., None] + opacity * colors
    return mixed.round().astype(np.uint8)


def tile(values: Tensor, scale: Scale, table: ColorTable, side: int) -> NDArray[np.uint8]:
    """A map (h, w) alone, drawn out to a square of `side` pixels: RGB, (side, side, 3)."""
    return paint(enlarged(values, side, side), scale, table)


def _grey(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Luma of ITU-R 601, (H, W), as PIL's mode L takes it."""
    return picture.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)

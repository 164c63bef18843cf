"""Maps of one picture painted for the screen, on one scale where they stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from delta_app.inspection.overlay import OPACITY, overlay, tile
from delta_app.inspection.scale import Scale, centred_scale, shared_scale

Picture = NDArray[np.uint8]
"""RGB, (H, W, 3)."""

TILE = 96
"""Side of a filter's square, px."""

SHOWN = 224
"""Px that an overlay has at least: a browser would blur a smaller one."""


@dataclass(frozen=True)
class LayerMaps:
    """One layer's maps for one picture and one W, (h, w) each, and the picture they lie over."""

    picture: Picture
    source: Tensor
    target: Tensor
    drift: Tensor
    difference: Tensor


@dataclass(frozen=True)
class Overlays:
    """Maps painted over the transformed picture, with the scales they were painted by.

    Attributes:
        picture: what the network saw; each of its pixels drawn as a square where it is small.
        source, target: attention-weighted activation sum_c W_c |FM_c|, in magma.
        drift: C/(2HW) sum_c W_c (T_c - S_c)^2, in viridis.
        difference: target's activation less the source's, in a diverging scale.
        drift_total: the drift's sum over positions: DELTA's penalty of this layer, unweighted.
    """

    picture: Picture
    source: Picture
    target: Picture
    drift: Picture
    difference: Picture
    activation_scale: Scale
    drift_scale: Scale
    difference_scale: Scale
    drift_total: float


@dataclass(frozen=True)
class FilterTiles:
    """One filter's channel in source and target, as squares on the scale of all filters shown.

    Attributes:
        relative_attention: C * W_c, 1 where the filter weighs as much as the average.
    """

    filter: int
    relative_attention: float
    source: Picture
    target: Picture


@dataclass(frozen=True)
class Filters:
    """Some filters of a layer, on one scale.

    Attributes:
        chosen_by: their attention, or, where W is uniform, how far they drifted.
    """

    chosen_by: Literal["attention", "drift"]
    tiles: tuple[FilterTiles, ...]
    scale: Scale


def painted(all_maps: Sequence[LayerMaps], *, opacity: float = OPACITY) -> tuple[Overlays, ...]:
    """Maps that stand side by side, painted on one scale for each kind.

    Activation of all sources and targets shares one, drift another that starts at zero,
    difference a third with zero in its middle.
    """
    activation = shared_scale([each for m in all_maps for each in (m.source, m.target)])
    drifts = shared_scale([m.drift for m in all_maps], from_zero=True)
    differences = centred_scale([m.difference for m in all_maps])
    return tuple(
        Overlays(
            picture=(picture := _large(m.picture)),
            source=overlay(picture, m.source, activation, "magma", opacity=opacity),
            target=overlay(picture, m.target, activation, "magma", opacity=opacity),
            drift=overlay(picture, m.drift, drifts, "viridis", opacity=opacity),
            difference=overlay(picture, m.difference, differences, "diverging", opacity=opacity),
            activation_scale=activation,
            drift_scale=drifts,
            difference_scale=differences,
            drift_total=float(m.drift.sum()),
        )
        for m in all_maps
    )


def filter_tiles(
    source: Tensor, target: Tensor, weights: Tensor, chosen: Sequence[int]
) -> tuple[tuple[FilterTiles, ...], Scale]:
    """These filters' channels of source and target, all on one scale about zero.

    Args:
        source, target: feature maps of one layer, (1, C, H, W).
        weights: W, (C,).
    """
    scale = centred_scale([maps[0, i] for maps in (source, target) for i in chosen])
    tiles = tuple(
        FilterTiles(
            filter=i,
            relative_attention=float(weights[i]) * len(weights),
            source=tile(source[0, i], scale, "diverging", TILE),
            target=tile(target[0, i], scale, "diverging", TILE),
        )
        for i in chosen
    )
    return tiles, scale


def _large(picture: Picture) -> Picture:
    """A small picture with each pixel repeated, until its side is at least SHOWN."""
    times = -(-SHOWN // picture.shape[0])
    return picture.repeat(times, axis=0).repeat(times, axis=1)

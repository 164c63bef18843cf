"""Maps of one layer, weighted by channel attention W. All are pure functions of feature maps.

Feature maps are (N, C, H, W) in float32 or float64; W is (C,) and sums to 1; maps come out as
(N, H, W) in the type of the feature maps.
"""

from __future__ import annotations

import torch
from torch import Tensor


def uniform_attention(channels: int) -> Tensor:
    """W_c = 1 / C for every channel, (C,): what a run without attention is looked at with."""
    return torch.full((channels,), 1.0 / channels)


def weighted_activation(features: Tensor, attention: Tensor) -> Tensor:
    """A = sum_c W_c |FM_c| at each position.

    Args:
        features: feature maps FM of one layer, (N, C, H, W).
        attention: channel attention W, (C,).

    Returns:
        (N, H, W), never negative.

    Raises:
        ValueError: the attention has not as many channels as the layer.
    """
    return torch.einsum("nchw,c->nhw", features.abs(), _weights(features, attention))


def drift(target: Tensor, source: Tensor, attention: Tensor) -> Tensor:
    """D = C / (2 H W) * sum_c W_c (T_c - S_c)^2 at each position.

    Summed over positions and layers it is DELTA's penalty for that picture, 1/2 * sum of
    C * W_c * ||T_c - S_c||^2 / (H * W) (`delta_app.regularizers.delta`).

    Args:
        target, source: feature maps T and S of one layer, (N, C, H, W).
        attention: channel attention W, (C,).

    Returns:
        (N, H, W), never negative.

    Raises:
        ValueError: the maps differ in shape, or the attention does not fit them.
    """
    _same_shape(target, source)
    _, channels, height, width = target.shape
    by_position = torch.einsum(
        "nchw,c->nhw", (target - source).square(), _weights(target, attention)
    )
    return by_position * (channels / (2 * height * width))


def activation_difference(target: Tensor, source: Tensor, attention: Tensor) -> Tensor:
    """A(T) - A(S) = sum_c W_c (|T_c| - |S_c|): where the target came to look, and where less.

    Args:
        target, source: feature maps of one layer, (N, C, H, W).
        attention: channel attention W, (C,).

    Returns:
        (N, H, W), of either sign.

    Raises:
        ValueError: the maps differ in shape, or the attention does not fit them.
    """
    _same_shape(target, source)
    return weighted_activation(target, attention) - weighted_activation(source, attention)


def most_attended(attention: Tensor, k: int) -> tuple[int, ...]:
    """The k filters of greatest attention, greatest first; equal ones in filter order."""
    order = torch.argsort(attention, descending=True, stable=True)
    return tuple(int(i) for i in order[:k])


def most_drifted(target: Tensor, source: Tensor, k: int) -> tuple[int, ...]:
    """The k filters with the greatest ||T_c - S_c||^2, greatest first.

    Args:
        target, source: feature maps of one layer and one picture, (1, C, H, W).

    Raises:
        ValueError: the maps differ in shape.
    """
    _same_shape(target, source)
    return most_attended((target - source).square().sum(dim=(0, 2, 3)), k)


def _weights(features: Tensor, attention: Tensor) -> Tensor:
    channels = features.shape[1]
    if attention.shape != (channels,):
        raise ValueError(
            f"an attention of shape {tuple(attention.shape)} does not fit a layer of "
            f"{channels} channels"
        )
    return attention.to(features)


def _same_shape(target: Tensor, source: Tensor) -> None:
    if target.shape != source.shape:
        raise ValueError(
            f"feature maps of shape {tuple(target.shape)} cannot be compared with "
            f"{tuple(source.shape)}"
        )

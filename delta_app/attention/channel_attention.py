"""From filter importance to channel attention: pure functions on tensors."""

from __future__ import annotations

import torch
from torch import Tensor


def channel_attention(importance: Tensor, temperature: float = 5.0) -> Tensor:
    """W = softmax(z / temperature), z the standardised importances of one layer.

    z = (importance - mean) / std with the population standard deviation. Where all filters
    are equally important there is nothing to tell them apart and W is uniform.

    Args:
        importance: rise in loss by filter, (C,), signed.
        temperature: what the z-scores are divided by; the authors use 5.

    Returns:
        Channel attention, (C,), positive, summing to 1, in float64.

    Source: the authors' channel_eval.py; its input there is the importance averaged over
    batches.
    """
    values = importance.double()
    spread = values.std(correction=0)
    if spread == 0:
        return uniform_attention(len(values))
    return torch.softmax((values - values.mean()) / spread / temperature, dim=0)


def uniform_attention(channels: int) -> Tensor:
    """Every channel alike: 1/C, (C,), in float64."""
    return torch.full((channels,), 1.0 / channels, dtype=torch.float64)


def shuffled_attention(attention: Tensor, generator: torch.Generator) -> Tensor:
    """The same weights on other channels: a control that keeps the distribution.

    Args:
        attention: channel attention, (C,).
        generator: a CPU generator; it alone decides the permutation.
    """
    return attention[torch.randperm(len(attention), generator=generator)]


def importance_with_error(by_picture: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over pictures and its standard error.

    The pictures are a sample of the training distribution, so the error is s / sqrt(N) with
    the sample standard deviation; it is infinite for a single picture.

    Args:
        by_picture: rise in loss, (C, N), a column a picture.

    Returns:
        Importance and standard error, (C,) each, in float64.
    """
    values = by_picture.double()
    pictures = values.shape[1]
    if pictures < 2:
        return values.mean(dim=1), torch.full_like(values[:, 0], float("inf"))
    return values.mean(dim=1), values.std(dim=1) / pictures**0.5

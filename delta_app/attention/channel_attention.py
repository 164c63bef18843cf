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


def effective_share(attention: Tensor) -> float:
    """exp(entropy) / C: 1 for uniform attention, 1/C where one channel has it all."""
    w = attention.double()
    entropy = -torch.special.xlogy(w, w).sum()
    return float(entropy.exp() / len(w))

"""How well an importance is known: pure functions on importances by picture.

The unit is the picture: several crops of one are averaged before. All errors are conditional on
the head that the loss was measured with.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Estimate:
    """Importance by filter and its standard error, (C,) each, float64."""

    importance: Tensor
    standard_error: Tensor


def plain_estimate(by_picture: Tensor) -> Estimate:
    """Mean over pictures, and s / sqrt(N) with the sample standard deviation.

    Args:
        by_picture: (C, N). With a single picture the error is infinite.
    """
    values = by_picture.double()
    return Estimate(values.mean(dim=1), _error(values))


def combined_estimate(first_order: Tensor, exact: Tensor, sample: Tensor) -> Estimate:
    """A difference estimator: first order on all pictures, put right by the exact on a sample.

        mean over all N of first order + mean over the sample's n of (exact - first order)

    It is exact in expectation whatever the first order is worth. For pictures not seen its
    variance is s_exact^2 / N + s_difference^2 (1/n - 1/N).

    Args:
        first_order: (C, N), all pictures.
        exact: (C, n), the sampled pictures, drawn without regard to their values.
        sample: (n,), which of the N they are.

    Source: Cochran, Sampling Techniques, 3rd ed. 1977, section 7.2 (a known slope of 1).
    """
    first_order, exact = first_order.double(), exact.double()
    pictures, sampled = first_order.shape[1], exact.shape[1]
    difference = exact - first_order.index_select(1, sample)
    importance = combined_values(first_order, exact, sample).mean(dim=1)
    if sampled < 2:
        return Estimate(importance, torch.full_like(importance, float("inf")))
    variance = exact.var(dim=1) / pictures
    variance = variance + difference.var(dim=1) * (1 / sampled - 1 / pictures)
    return Estimate(importance, variance.sqrt())


def combined_values(first_order: Tensor, exact: Tensor, sample: Tensor) -> Tensor:
    """(C, n) whose mean over any of the sampled pictures is the combined importance from those."""
    first_order, exact = first_order.double(), exact.double()
    own = first_order.index_select(1, sample)
    return first_order.mean(dim=1, keepdim=True) + exact - own


def first_order_helps(first_order: Tensor, exact: Tensor, sample: Tensor) -> bool:
    """Whether the combined estimate is better than the sample alone, over the layer's filters."""
    combined = combined_estimate(first_order, exact, sample).standard_error
    alone = plain_estimate(exact).standard_error
    return bool(combined.square().mean() < alone.square().mean())


def reliability(estimate: Estimate) -> float:
    """Share of the variance between a layer's filters that is not noise, 0 to 1.

    (variance of the importances - mean squared standard error) / variance of the importances;
    0 where the noise explains all of it, nan for a single filter.
    """
    if len(estimate.importance) < 2:
        return float("nan")
    total = float(estimate.importance.var())
    noise = float(estimate.standard_error.square().mean())
    if total == 0 or noise >= total:
        return 0.0
    return 1 - noise / total


def split_half_correlation(by_picture: Tensor, generator: torch.Generator) -> float:
    """Spearman's rank correlation of the importances from two random halves of the pictures.

    Args:
        by_picture: (C, N); nan with fewer than two filters or pictures.
        generator: a CPU generator; it alone decides the halves.
    """
    channels, pictures = by_picture.shape
    if channels < 2 or pictures < 2:
        return float("nan")
    order = torch.randperm(pictures, generator=generator).to(by_picture.device)
    half = pictures // 2
    one, other = (by_picture.double()[:, part].mean(dim=1) for part in (order[:half], order[half:]))
    return rank_correlation(one, other)


def rank_correlation(one: Tensor, other: Tensor) -> float:
    """Spearman's rho of two vectors: Pearson's correlation of their ranks, ties averaged."""
    return float(torch.corrcoef(torch.stack([_ranks(one), _ranks(other)]))[0, 1])


def _ranks(values: Tensor) -> Tensor:
    _, inverse, counts = values.unique(return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    return (last - (counts - 1) / 2)[inverse]


def _error(values: Tensor) -> Tensor:
    pictures = values.shape[1]
    if pictures < 2:
        return torch.full_like(values[:, 0], float("inf"))
    return values.std(dim=1) / pictures**0.5

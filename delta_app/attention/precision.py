"""How well an importance is known: pure functions on importances by picture, or on their moments.

The unit is the picture: several crops of one are averaged before. All errors are conditional on
the head that the loss was measured with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from delta_app.attention.moments import Moments, moments


@dataclass(frozen=True)
class Estimate:
    """Importance by filter and its standard error, (C,) each, or (K, C) by class; float64."""

    importance: Tensor
    standard_error: Tensor


def plain_estimate(by_picture: Tensor) -> Estimate:
    """`plain` of importances by picture, (C, N)."""
    return plain(moments(by_picture))


def plain(exact: Moments) -> Estimate:
    """Mean over pictures, and s / sqrt(N) with the sample standard deviation.

    Where there is one picture the error is infinite; where there is none both are nan.
    """
    pictures = exact.count.unsqueeze(-1)
    variance = exact.scatter / (pictures - 1) / pictures
    return _estimate(exact.mean, variance, exact.count)


def combined_estimate(first_order: Tensor, exact: Tensor, sample: Tensor) -> Estimate:
    """`combined` of importances by picture.

    Args:
        first_order: (C, N), all pictures.
        exact: (C, n), the sampled pictures, drawn without regard to their values.
        sample: (n,), which of the N they are.
    """
    difference = exact.double() - first_order.double().index_select(1, sample)
    return combined(moments(first_order), moments(exact), moments(difference))


def combined(first_order: Moments, exact: Moments, difference: Moments) -> Estimate:
    """A difference estimator: first order on all pictures, put right by the exact on a sample.

        mean over all N of first order + mean over the sample's n of (exact - first order)

    It is exact in expectation whatever the first order is worth. For pictures not seen its
    variance is s_exact^2 / N + s_difference^2 (1/n - 1/N). By class it is the same within each
    class; where a class has one sampled picture its error is infinite, and where it has none both
    are nan.

    Args:
        first_order: of all pictures.
        exact, difference: of the sampled pictures; difference is exact minus first order.

    Source: Cochran, Sampling Techniques, 3rd ed. 1977, section 7.2 (a known slope of 1).
    """
    pictures, sampled = first_order.count.unsqueeze(-1), exact.count.unsqueeze(-1)
    variance = exact.scatter / (sampled - 1) / pictures
    variance = variance + difference.scatter / (sampled - 1) * (1 / sampled - 1 / pictures)
    return _estimate(first_order.mean + difference.mean, variance, exact.count)


def _estimate(importance: Tensor, variance: Tensor, sampled: Tensor) -> Estimate:
    """What the numbers of sampled pictures, (...), leave of importance and variance, (..., C)."""
    sampled = sampled.unsqueeze(-1)
    error = variance.clamp(min=0).sqrt()
    return Estimate(
        importance.masked_fill(sampled < 1, math.nan),
        error.masked_fill(sampled < 2, math.inf).masked_fill(sampled < 1, math.nan),
    )


def first_order_helps(both: Estimate, alone: Estimate) -> bool:
    """Whether the combined estimate errs no more than the sample alone, over the layer's filters.

    Where all pictures are sampled the two are one and the same.
    """
    return bool(both.standard_error.square().mean() <= alone.standard_error.square().mean())


def with_mean(by_picture: Tensor) -> Tensor:
    """Importances by picture with one more row, their mean over the filters: (C, N) -> (C + 1, N).

    What all filters' errors share tells nothing of how they differ; `reliability` takes it off.
    """
    return torch.cat([by_picture, by_picture.mean(dim=0, keepdim=True)])


def without_mean(estimate: Estimate) -> Estimate:
    """An estimate of `with_mean` without that last row."""
    return Estimate(estimate.importance[..., :-1], estimate.standard_error[..., :-1])


def reliability(estimate: Estimate) -> float:
    """Share of the variance between a layer's filters that is not noise, 0 to 1.

    With v the variance of the C importances, e their standard errors and e_mean that of their
    mean, 1 - n/v where n = C/(C - 1) (mean of e^2 - e_mean^2): all filters are measured on the same
    pictures, and an error that moves them all alike does not part them. Of independent errors n is
    the mean of e^2. 0 where the noise explains all of v, nan for a single filter.

    Args:
        estimate: of `with_mean`, (C + 1,).
    """
    filters = without_mean(estimate)
    count = len(filters.importance)
    if count < 2:
        return float("nan")
    total = float(filters.importance.var())
    apart = filters.standard_error.square().mean() - estimate.standard_error[-1].square()
    noise = float(apart) * count / (count - 1)
    if total == 0 or not noise < total:  # infinite errors leave no number
        return 0.0
    return 1 - max(noise, 0.0) / total


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

"""Importances summed over pictures, in groups: all that an estimate and its error need of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """How many pictures each group has, and mean and scatter of their values by filter.

    Sums and sums of squares, kept so that nothing nearly equal is subtracted: two sets are put
    together by the distance of their means.

    Attributes:
        count: (...) float64, pictures of each group.
        mean: (..., C) float64; 0 where a group is empty.
        scatter: (..., C) float64, sum of squared distances from the group's mean.

    Source: Chan, Golub, LeVeque, "Algorithms for computing the sample variance", The American
    Statistician 37 (1983) 242-247, formula (2.1).
    """

    count: Tensor
    mean: Tensor
    scatter: Tensor

    def __add__(self, other: Moments) -> Moments:
        """The moments of both sets of pictures, group by group."""
        pairs = zip(
            (self.count, self.mean, self.scatter),
            (other.count, other.mean, other.scatter),
            strict=True,
        )
        return Moments(*(torch.stack(pair) for pair in pairs)).together(0)

    def state(self) -> tuple[Tensor, Tensor, Tensor]:
        """Its three tensors, from which `Moments(*state)` makes it again."""
        return self.count, self.mean, self.scatter

    def together(self, dim: int) -> Moments:
        """The groups along a dimension put together; negative ones count without the filters'."""
        dim = dim % self.count.ndim
        count = self.count.sum(dim)
        weights = self.count.unsqueeze(-1)
        pictures = count.clamp(min=1).unsqueeze(-1)
        mean = (weights * self.mean).sum(dim) / pictures
        apart = (weights * (self.mean - mean.unsqueeze(dim)).square()).sum(dim)
        return Moments(count, mean, self.scatter.sum(dim) + apart)


def moments(values: Tensor, groups: Tensor | None = None, of: int = 1) -> Moments:
    """Moments of values by picture.

    Args:
        values: (C, N).
        groups: (N,) int64 in [0, of), which group each picture is of; by default all of one.
        of: number of groups G.

    Returns:
        With `groups` (G,) and (G, C), else () and (C,).
    """
    values = values.double()
    if groups is None:
        groups = torch.zeros(values.shape[1], dtype=torch.int64, device=values.device)
        return moments(values, groups).together(0)
    count = torch.bincount(groups, minlength=of).double()
    sums = torch.zeros(of, len(values), dtype=torch.float64, device=values.device)
    mean = sums.index_add(0, groups, values.T) / count.clamp(min=1).unsqueeze(-1)
    apart = (values.T - mean.index_select(0, groups)).square()
    return Moments(count, mean, sums.index_add(0, groups, apart))

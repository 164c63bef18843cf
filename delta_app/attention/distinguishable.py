"""Which filters matter at all: those whose importance is told apart from zero by its error."""

from __future__ import annotations

import math

import torch
from scipy.special import stdtr, stdtrit
from torch import Tensor

FALSE_SHARE = 0.05
"""Of the filters that are called distinguishable, the share that is expected to be so by chance."""


def errors_in_95(pictures: int) -> float:
    """Standard errors to each side of a mean that hold it with 95 %: 1.96 for many pictures.

    Args:
        pictures: on which the error was measured; infinite for fewer than two.
    """
    return float(stdtrit(pictures - 1, 0.975)) if pictures > 1 else math.inf


def distinguishable(
    importance: Tensor, standard_error: Tensor, pictures: int, false_share: float = FALSE_SHARE
) -> Tensor:
    """Filters whose importance differs from zero, put right for looking at all of a layer at once.

    t = importance / standard error, p = P(|Student's t with N - 1 degrees of freedom| >= |t|): an
    error that few pictures tell is itself not well known. With the p of C filters in rising
    order, the filters up to the last k with p_(k) <= k/C * false_share are distinguishable; of
    these at most that share is expected to be there by chance.

    Args:
        importance: mean rise in loss by filter, (C,), signed.
        standard_error: of the importance, (C,); infinite where it is not known.
        pictures: N, on which the error was measured.
        false_share: in (0, 1).

    Returns:
        (C,), bool.

    Source: Benjamini and Hochberg, J. R. Statist. Soc. B 57 (1995) 289-300, procedure (1).
    """
    importance, standard_error = importance.double(), standard_error.double()
    filters = len(importance)
    if pictures < 2:
        return torch.zeros(filters, dtype=torch.bool)
    t = importance / standard_error
    t[importance == 0] = 0.0  # 0/0: a filter that changes no picture's loss
    p = torch.from_numpy(2 * stdtr(pictures - 1, -t.abs().numpy()))
    ranked = p.sort().values
    allowed = false_share * torch.arange(1, filters + 1, dtype=torch.float64) / filters
    within = (ranked <= allowed).nonzero()
    if not len(within):
        return torch.zeros(filters, dtype=torch.bool)
    return p <= ranked[within[-1, 0]]

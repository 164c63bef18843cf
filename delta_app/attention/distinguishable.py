"""Which filters matter at all: those whose importance is told apart from zero by its error."""

from __future__ import annotations

import torch
from torch import Tensor

FALSE_SHARE = 0.05
"""Of the filters that are called distinguishable, the share that is expected to be so by chance."""


def distinguishable(
    importance: Tensor, standard_error: Tensor, false_share: float = FALSE_SHARE
) -> Tensor:
    """Filters whose importance differs from zero, put right for looking at all of a layer at once.

    z = importance / standard error, p = P(|normal| >= |z|). With the p of C filters in rising
    order, the filters up to the last k with p_(k) <= k/C * false_share are distinguishable; of
    these at most that share is expected to be there by chance.

    Args:
        importance: mean rise in loss by filter, (C,), signed.
        standard_error: of the importance, (C,); infinite where it is not known.
        false_share: in (0, 1).

    Returns:
        (C,), bool.

    Source: Benjamini and Hochberg, J. R. Statist. Soc. B 57 (1995) 289-300, procedure (1).
    """
    importance, standard_error = importance.double(), standard_error.double()
    z = importance / standard_error
    z[importance == 0] = 0.0  # 0/0: a filter that changes no picture's loss
    p = torch.special.erfc(z.abs() / 2**0.5)
    filters = len(p)
    ranked = p.sort().values
    allowed = false_share * torch.arange(1, filters + 1, dtype=torch.float64) / filters
    within = (ranked <= allowed).nonzero()
    if not len(within):
        return torch.zeros(filters, dtype=torch.bool)
    return p <= ranked[within[-1, 0]]

"""One colour scale for all maps that stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Scale:
    """Which value takes the lowest colour and which the highest."""

    low: float
    high: float

    def positions(self, values: Tensor) -> Tensor:
        """Where values stand between low (0) and high (1), cut off at both ends.

        All stand at 0 where low and high are the same: nothing is there to be seen.
        """
        span = self.high - self.low
        if span <= 0:
            return torch.zeros_like(values)
        return ((values - self.low) / span).clamp(0, 1)


def shared_scale(maps: Sequence[Tensor], *, from_zero: bool = False) -> Scale:
    """From the smallest to the greatest value of all maps, or from zero to the greatest.

    Activation has an offset that says nothing of places, so its scale starts at its smallest
    value; drift of zero means "as in the source", so its scale starts there.

    Raises:
        ValueError: no map, or a value that is not finite.
    """
    low, high = _range(maps)
    return Scale(min(0.0, low) if from_zero else low, high)


def centred_scale(maps: Sequence[Tensor]) -> Scale:
    """From -m to m, with m the greatest absolute value of all maps: zero takes the middle.

    Raises:
        ValueError: no map, or a value that is not finite.
    """
    low, high = _range(maps)
    most = max(abs(low), abs(high))
    return Scale(-most, most)


def _range(maps: Sequence[Tensor]) -> tuple[float, float]:
    if not maps:
        raise ValueError("a scale needs at least one map")
    low = min(float(m.min()) for m in maps)
    high = max(float(m.max()) for m in maps)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"a map has values that are not finite: from {low} to {high}")
    return low, high

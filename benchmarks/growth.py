"""Whether a number grows that is looked at again and again while the same is done over and over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.footprint import Footprint

MB = 1_000_000

SLACK = {
    "rss": 4 * MB,
    "threads": 2,
    "files": 2,
    "hooks": 0.5,
    "tensors": 0.7 * MB,
    "modules": 100,
    "connections": 1.5,
}
"""How much more there may be at the end of the later half than at its beginning. A network of the
short runs is 1.4 MB in 205 modules: half of one is none. Of memory it is what the allocator's own
ups and downs come to; of threads, files and connections, one that comes and goes."""


@dataclass(frozen=True)
class Growth:
    """A line through what was seen in the later half of the looks.

    Attributes:
        slope: of the line, a run.
        error: its standard error; 0 where two looks leave none.
        rise: from the line's beginning to its end.
        slack: what `rise` may be.
    """

    slope: float
    error: float
    rise: float
    slack: float

    @property
    def grows(self) -> bool:
        """Whether it rose by more than may be, and by more than chance explains."""
        return self.rise > self.slack and self.slope > 2 * self.error


def growth(at: Sequence[float], values: Sequence[float], slack: float) -> Growth:
    """The line of least squares through the later half of the points.

    Args:
        at: how many runs there had been, ascending.
        values: what was seen then.

    Raises:
        ValueError: there are fewer than three points: a later half has at least two.
    """
    if len(at) < 3:
        raise ValueError(f"a growth takes three looks or more, not {len(at)}")
    half = len(at) // 2
    x, y = np.asarray(at[half:], dtype=float), np.asarray(values[half:], dtype=float)
    span, x = float(x[-1] - x[0]), x - x.mean()
    slope = float((x * y).sum() / (x * x).sum())
    left = y - y.mean() - slope * x
    free = max(len(x) - 2, 1)
    error = float(np.sqrt((left * left).sum() / free / (x * x).sum()))
    return Growth(slope, error, slope * span, slack)


def growths(looks: Sequence[tuple[int, Footprint]]) -> dict[str, Growth]:
    """Of everything that is looked at, by its name in `Footprint`.

    Args:
        looks: after how many runs, and what there was; at least three.
    """
    at = [number for number, _ in looks]
    return {
        name: growth(at, [getattr(each, name) for _, each in looks], slack)
        for name, slack in SLACK.items()
    }


def left_behind(looks: Sequence[tuple[int, Footprint]]) -> list[str]:
    """The names of what grows; and `hooks` where there is any at all.

    Between two runs no network has one. What is left goes with its network, so that their number
    need not grow.
    """
    grown = [name for name, each in growths(looks).items() if each.grows]
    found = any(each.hooks for _, each in looks)
    return [*grown, "hooks"] if found and "hooks" not in grown else grown

"""How far an accuracy measured on few pictures can be trusted."""

from __future__ import annotations

from math import sqrt

Z_95 = 1.959963984540054


def wilson(right: int, pictures: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson's interval for a share of `right` out of `pictures`, by default at 95 %.

    centre = (p + z^2 / 2n) / (1 + z^2 / n), half-width = z / (1 + z^2 / n) *
    sqrt(p (1 - p) / n + z^2 / 4n^2). It is about the pictures alone: how much another seed
    would change is not in it.

    Raises:
        ValueError: no pictures, or more right than there are.

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.
    """
    if not 0 <= right <= pictures or pictures == 0:
        raise ValueError(f"{right} of {pictures} pictures right is no share")
    p, n = right / pictures, pictures
    shrink = 1 + z * z / n
    centre = (p + z * z / (2 * n)) / shrink
    half = z / shrink * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)

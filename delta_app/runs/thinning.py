"""Fewer points for a chart, without losing an extreme."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from delta_app.runs.records import Series


def thin(series: Series, most: int) -> Series:
    """At most `most` points of a series: the least and the greatest of each bucket.

    A bucket holds a power of two of neighbouring points, counted from the first. So while points
    arrive a chart keeps what it has drawn, until the buckets double. The last point is always
    kept, the first too; points that are not numbers are left out where a bucket has others.

    Args:
        most: at least 4.
    """
    total = len(series)
    if total <= most:
        return series
    width = 2
    while 2 * -(-total // width) + 2 > most and width < total:
        width *= 2
    keep = extremes_and_ends(np.arange(total) // width, series.values)
    return Series(series.steps[keep], series.epochs[keep], series.values[keep])


def extremes_and_ends(blocks: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Where the least and the greatest value of each block stand, and the first and the last value.

    Of equal values the first counts; a block without any number gives its first value.

    Args:
        blocks: which block each value is in, (N,) and rising.
        values: (N,)

    Returns:
        Indices, rising.
    """
    kept = np.zeros(len(values), dtype=bool)
    kept[[0, -1]] = True
    begins = np.flatnonzero(np.diff(blocks, prepend=blocks[0] - 1))
    for wanted in (values, -values):
        order = np.lexsort((wanted, blocks))  # keeps the order of equals; nan comes last
        kept[order[begins]] = True
    return np.flatnonzero(kept)

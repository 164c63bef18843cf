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
    keep = np.unique(np.concatenate([[0, total - 1], _extremes(series.values, width)]))
    return Series(series.steps[keep], series.epochs[keep], series.values[keep])


def _extremes(values: NDArray[np.float64], width: int) -> NDArray[np.int64]:
    """Indices of the least and the greatest value of each `width` neighbours, sorted."""
    buckets = -(-len(values) // width)
    padded = np.full(buckets * width, np.nan)
    padded[: len(values)] = values
    table = padded.reshape(buckets, width)
    start = np.arange(buckets) * width
    absent = np.isnan(table)
    least = start + np.where(absent, np.inf, table).argmin(axis=1)
    greatest = start + np.where(absent, -np.inf, table).argmax(axis=1)
    return np.unique(np.concatenate([least, greatest]))

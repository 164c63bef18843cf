from __future__ import annotations

import numpy as np
import pytest

from delta_app.figures.base import QUIET
from delta_app.figures.importance_distribution import (
    FEWEST,
    MOST,
    bins_meeting_at_zero,
    importance_distribution,
)


def test_bins_are_equally_wide_meet_at_zero_and_hold_all() -> None:
    values = np.random.default_rng(0).normal(0.2, 1.0, 300)
    edges = bins_meeting_at_zero(values)
    # 2 * IQR / n^(1/3), by hand from the sorted values.
    ordered = np.sort(values)
    lower, upper = (ordered[int(q)] + (q % 1) * np.diff(ordered)[int(q)] for q in (74.75, 224.25))
    assert np.diff(edges) == pytest.approx(2 * (upper - lower) / 300 ** (1 / 3))
    assert 0.0 in edges
    assert edges[0] <= values.min()
    assert edges[-1] >= values.max()


@pytest.mark.parametrize("values", [[0.0] * 9 + [1.0], [-1.0, 1.0], [0.1, 0.3, 5.0] * 50])
def test_there_are_never_too_few_or_too_many_bins(values: list[float]) -> None:
    edges = bins_meeting_at_zero(np.array(values))
    assert FEWEST <= len(edges) - 1 <= MOST + 1


def test_equal_importances_of_zero_have_a_bin() -> None:
    assert bins_meeting_at_zero(np.zeros(4)).tolist() == [-0.5, 0.0, 0.5]


def test_every_filter_is_counted_once_and_negative_ones_are_grey() -> None:
    values = [-0.2, -0.1, 0.0, 0.1, 0.4, 0.8, 0.9, 1.0]
    figure = importance_distribution(values, "#123456", key="k", x="nats")
    (bars,) = figure.data
    colors = np.array(bars.marker.color)
    counts = np.array(bars.y)
    assert counts.sum() == 8
    assert counts[colors == QUIET].sum() == 2
    assert figure.layout.title.text == "Distribution: 25\N{THIN SPACE}% below zero"

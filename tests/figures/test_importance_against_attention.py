from __future__ import annotations

import numpy as np
import pytest
import torch

from delta_app.figures.chosen_filter import CHOSEN, PALE
from delta_app.figures.importance_against_attention import (
    importance_against_attention,
    softmax_curve,
)

IMPORTANCE = np.array([-0.1, 0.0, 0.3, 0.1])
HOVER = ["zero", "one", "two", "three"]


def test_the_curve_is_the_softmax_between_the_points() -> None:
    weights = torch.softmax(torch.tensor(IMPORTANCE) * 7.0, dim=0).numpy()
    at, curve = softmax_curve(IMPORTANCE, weights)
    assert (at[0], at[-1]) == (-0.1, 0.3)
    # exp(7 x) times what the first point gives.
    assert curve == pytest.approx(weights[0] * np.exp(7.0 * (at + 0.1)), rel=1e-12)


def test_equal_filters_have_a_flat_curve() -> None:
    _, curve = softmax_curve(np.full(3, 0.2), np.full(3, 1 / 3))
    assert curve == pytest.approx(np.full(len(curve), 1 / 3))


def test_a_point_a_filter_and_the_chosen_one_stands_out() -> None:
    figure = importance_against_attention(
        IMPORTANCE,
        [0.8, 0.9, 1.4, 0.9],
        "#123456",
        key="k",
        x="nats",
        hover=HOVER,
        solid=[False, False, True, True],
        chosen=3,
    )
    _, points = figure.data
    assert points.x == pytest.approx(IMPORTANCE)
    assert points.y == pytest.approx([0.8, 0.9, 1.4, 0.9])
    assert [each[0] for each in points.customdata] == [0, 1, 2, 3]
    assert list(points.marker.color) == ["#123456", "#123456", "#123456", CHOSEN]
    assert list(points.marker.opacity) == [PALE, PALE, 1.0, 1.0]
    assert [each.text for each in figure.layout.annotations] == ["<b>3</b>"]

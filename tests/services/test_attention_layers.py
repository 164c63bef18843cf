"""One layer as the page shows it: temperature, ranks, order, what can be told from zero."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from delta_app.attention.artifact import LayerAttention
from delta_app.services.attention_layers import (
    LayerView,
    drawn_filters,
    first_filters,
    temperatures,
)

IMPORTANCE = (0.1, -0.3, 0.5, 0.1)


def view(
    importance: tuple[float, ...] = IMPORTANCE, temperature: float = 5.0, error: float = 0.1
) -> LayerView:
    of = torch.tensor(importance, dtype=torch.float64)
    kept = torch.full_like(of, 1 / len(of))  # what the file says is not what is shown
    return LayerView(
        "layer1", LayerAttention(of, torch.full_like(of, error), kept), temperature, 1000
    )


def test_attention_is_the_softmax_of_z_over_the_temperature() -> None:
    # Mean 0.1, population deviation sqrt(0.08), z = 0, -sqrt 2, sqrt 2, 0.
    z = [0.0, -math.sqrt(2), math.sqrt(2), 0.0]
    for temperature in (0.5, 5.0, 50.0):
        shares = [math.exp(each / temperature) for each in z]
        expected = [4 * each / sum(shares) for each in shares]
        shown = view(temperature=temperature)
        assert shown.relative_attention.tolist() == pytest.approx(expected, rel=1e-12)


def test_the_effective_share_falls_as_the_temperature_does() -> None:
    shares = [view(temperature=t).effective_share for t in (50.0, 5.0, 0.5)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == pytest.approx(1.0, abs=1e-3)
    # At 0.5: exp of z / 0.5 = 1, 0.0591, 16.92, 1 of 18.98 in all.
    w = [1 / 18.978, 0.0591 / 18.978, 16.919 / 18.978, 1 / 18.978]
    expected = math.exp(-sum(each * math.log(each) for each in w)) / 4
    assert shares[2] == pytest.approx(expected, rel=1e-3)


def test_nothing_measured_depends_on_the_temperature() -> None:
    warm, cold = view(temperature=50.0), view(temperature=0.5)
    assert warm.ranking == cold.ranking
    assert torch.equal(warm.told_from_zero, cold.told_from_zero)


def test_filters_are_ranked_by_importance_and_equal_ones_by_their_place() -> None:
    assert view().ranking == (2, 0, 3, 1)
    assert [view().rank(filter) for filter in range(4)] == [2, 4, 1, 3]


def test_which_filters_are_told_from_zero() -> None:
    assert view().told_from_zero.tolist() == [False, True, True, False]
    assert view(error=1.0).told_from_zero.tolist() == [False] * 4


def test_the_share_below_zero() -> None:
    assert view().negative_share == 0.25
    assert view((0.0, 0.0, 1.0, 2.0)).negative_share == 0.0


def test_the_order_of_a_chart() -> None:
    six = view((0.3, 0.1, 0.6, 0.2, 0.5, 0.4))
    assert drawn_filters(six, "sorted", 2) == (2, 4, 5, 0, 3, 1)
    assert drawn_filters(six, "filter", 2) == (0, 1, 2, 3, 4, 5)
    assert drawn_filters(six, "ends", 2) == (2, 4, 3, 1)
    assert drawn_filters(six, "ends", 3) == (2, 4, 5, 0, 3, 1), "no filter stands there twice"


def test_as_many_columns_as_can_be_read_always_hold_the_chosen_filter() -> None:
    order = (5, 4, 3, 2, 1, 0)
    assert first_filters(order, 4, 3) == (5, 4, 3)
    assert first_filters(order, 2, 3) == (3, 2, 1)
    assert first_filters(order, 0, 3) == (2, 1, 0)
    assert first_filters(order, 9, 3) == (5, 4, 3), "a filter that the order does not have"
    assert first_filters(order, 0, 9) == order


def test_the_temperature_goes_from_half_to_fifty_in_even_ratios() -> None:
    steps = temperatures(5.0)
    assert (steps[0], steps[-1]) == (0.5, 50.0)
    assert 5.0 in steps
    ratios = [after / before for before, after in pairwise(steps)]
    assert all(1.2 < ratio < 1.32 for ratio in ratios)
    assert 2.75 in temperatures(2.75), "what it was measured with can be gone back to"

"""Estimates from sums alone: the same as from every picture's value, kept or not."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from delta_app.attention.precision import (
    Estimate,
    combined_estimate,
    plain_estimate,
    rank_correlation,
    reliability,
    with_mean,
)
from delta_app.training.gathered import Gathered, by_class_and_half, random_halves

FILTERS, PICTURES, MEASURED, CLASSES = 12, 40, 17, 3


def world() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """First order of all pictures, exact of some, which these are, and all labels."""
    generator = torch.Generator().manual_seed(3)
    labels = torch.randint(0, CLASSES, (PICTURES,), generator=generator)
    truth = torch.randn(FILTERS, 1, dtype=torch.float64, generator=generator)
    exact = truth + torch.randn(FILTERS, PICTURES, dtype=torch.float64, generator=generator)
    noise = 0.5 * torch.randn(FILTERS, PICTURES, dtype=torch.float64, generator=generator)
    places = torch.randperm(PICTURES, generator=generator)[:MEASURED]
    return 0.8 * exact + noise + 0.1, exact[:, places], places, labels


def halves_of_all() -> Tensor:
    """The measured pictures by turns, as they come, then the others."""
    _, _, places, _ = world()
    halves = torch.arange(PICTURES) % 2
    halves[places] = torch.arange(MEASURED) % 2
    return halves


def gathered(keep: bool, with_first_order: bool) -> Gathered:
    first, exact, places, labels = world()
    found = Gathered(CLASSES, halves_of_all(), keep)
    for here in torch.arange(MEASURED).split(5):  # groups of 5, 5, 5 and 2
        slopes = {"a": first[:, places[here]]} if with_first_order else None
        found.add({"a": exact[:, here]}, labels[places[here]], places[here], slopes)
    return found


def same(found: Estimate, expected: Estimate) -> None:
    close: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-14, "equal_nan": True}
    torch.testing.assert_close(found.importance, expected.importance, **close)
    torch.testing.assert_close(found.standard_error, expected.standard_error, **close)


@pytest.mark.parametrize("keep", [True, False])
def test_the_plain_estimate_is_that_of_all_values(keep: bool) -> None:
    _, exact, places, labels = world()
    layer = gathered(keep, False).layers()["a"]
    expected = plain_estimate(exact)
    same(layer.estimate, expected)
    assert layer.reliability == pytest.approx(reliability(plain_estimate(with_mean(exact))))
    halves = [exact[:, half::2].mean(1) for half in (0, 1)]  # in the order they were measured
    assert layer.split_half == pytest.approx(rank_correlation(*halves))
    assert layer.first_order_helps is None
    for k in range(CLASSES):
        one = Estimate(layer.by_class.importance[k], layer.by_class.standard_error[k])
        same(one, plain_estimate(exact[:, labels[places] == k]))


@pytest.mark.parametrize("keep", [True, False])
def test_the_combined_estimate_is_that_of_all_values(keep: bool) -> None:
    first, exact, places, labels = world()
    everywhere = {"a": by_class_and_half(first, labels, halves_of_all(), CLASSES)}
    layer = gathered(keep, True).layers(everywhere)["a"]
    expected = combined_estimate(first, exact, places)
    same(layer.estimate, expected)
    both = combined_estimate(with_mean(first), with_mean(exact), places)
    assert layer.reliability == pytest.approx(reliability(both))
    apart, half_of = exact - first[:, places], halves_of_all()
    halves = [first[:, half_of == half].mean(1) + apart[:, half::2].mean(1) for half in (0, 1)]
    assert layer.split_half == pytest.approx(rank_correlation(*halves))
    helps = (
        expected.standard_error.square().mean()
        < plain_estimate(exact).standard_error.square().mean()
    )
    assert layer.first_order_helps is bool(helps)
    for k in range(CLASSES):
        of_class = (labels == k).nonzero()[:, 0]
        sampled = [i for i, place in enumerate(places) if labels[place] == k]
        where = torch.tensor([int((of_class == places[i]).nonzero()) for i in sampled])
        one = Estimate(layer.by_class.importance[k], layer.by_class.standard_error[k])
        same(one, combined_estimate(first[:, of_class], exact[:, sampled], where))


def test_halves_are_random_and_even() -> None:
    one, other = (random_halves(9, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert one.sum() == other.sum() == 4
    assert not torch.equal(one, other)


def test_values_are_kept_in_the_order_of_the_places_or_not_at_all() -> None:
    _, exact, places, _ = world()
    kept = gathered(True, False)
    assert kept.places().tolist() == sorted(places.tolist())
    for column, place in enumerate(kept.places().tolist()):
        expected = exact[:, places.tolist().index(place)].float()
        assert torch.equal(kept.by_picture()["a"][:, column], expected)
    assert gathered(False, False).by_picture() == {}
    assert gathered(False, False).pictures == MEASURED


def test_a_class_without_measured_pictures_is_nan() -> None:
    found = Gathered(2, torch.tensor([0, 1]), keep=False)
    found.add({"a": torch.tensor([[1.0, 3.0]])}, torch.tensor([1, 1]), torch.tensor([0, 1]))
    by_class = found.layers()["a"].by_class
    assert by_class.importance[:, 0].tolist() == pytest.approx([math.nan, 2.0], nan_ok=True)
    assert by_class.standard_error[:, 0].tolist() == pytest.approx([math.nan, 1.0], nan_ok=True)
    assert math.isnan(found.layers()["a"].split_half)  # of a single filter

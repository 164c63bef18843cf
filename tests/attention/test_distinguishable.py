from __future__ import annotations

import pytest
import torch

from delta_app.attention.distinguishable import distinguishable, errors_in_95

INFINITE = float("inf")
MANY = 1_000_000
"""Pictures: so many that Student's t is as good as normal."""


def of(z: list[float], **options: float) -> list[bool]:
    """Whether filters of these z, all with an error of 0.5, are distinguishable."""
    importance = 0.5 * torch.tensor(z, dtype=torch.float64)
    return distinguishable(importance, torch.full_like(importance, 0.5), MANY, **options).tolist()


def test_as_worked_by_hand() -> None:
    # p: 0.3173, 0.0500, 0.0124, 0.0027; allowed at their ranks: 0.05, 0.0375, 0.025, 0.0125.
    assert of([1.0, 1.96, 2.5, 3.0]) == [False, False, True, True]


def test_a_filter_that_would_do_alone_does_not_among_many() -> None:
    assert of([2.05]) == [True]  # p 0.0404, allowed 0.05
    assert of([2.05, 0.0, 0.1, -0.2]) == [False] * 4  # allowed 0.0125


def test_many_filters_help_one_another() -> None:
    # Each p is 0.0404: above 0.0125, 0.025 and 0.0375 of the first three ranks, within the 0.05
    # of the fourth. Holm's and Bonferroni's corrections would let none of them through.
    assert of([2.05, -2.05, 2.05, 2.05]) == [True] * 4


def test_both_signs_count() -> None:
    assert of([-3.0, 0.1]) == [True, False]


def test_a_smaller_share_of_false_ones_lets_fewer_through() -> None:
    assert of([1.0, 1.96, 2.5, 3.0], false_share=0.01) == [False] * 4  # 0.0027 > 0.0025
    assert of([1.0, 1.96, 2.5, 3.1], false_share=0.01) == [False, False, False, True]


def test_without_an_error_nothing_is_known() -> None:
    found = distinguishable(torch.tensor([5.0, 0.0]), torch.tensor([INFINITE, INFINITE]), MANY)
    assert found.tolist() == [False, False]


def test_a_filter_that_never_does_anything_is_not_distinguishable() -> None:
    found = distinguishable(torch.tensor([0.0, 0.3]), torch.tensor([0.0, 0.1]), MANY)
    assert found.tolist() == [False, True]


def test_its_input_stays_as_it_was() -> None:
    importance = torch.tensor([0.0, 1.0], dtype=torch.float64)
    error = torch.tensor([0.0, 0.1], dtype=torch.float64)
    distinguishable(importance, error, MANY)
    assert importance.tolist() == [0.0, 1.0]
    assert error.tolist() == [0.0, 0.1]


def test_among_filters_of_pure_noise_nearly_none_is_called_distinguishable() -> None:
    generator = torch.Generator().manual_seed(0)
    layers = torch.randn(400, 200, generator=generator, dtype=torch.float64)
    called = [bool(distinguishable(z, torch.ones_like(z), MANY).any()) for z in layers]
    assert sum(called) / len(called) < 0.08  # 0.05 is expected, with an error of 0.011


def test_an_error_of_few_pictures_is_itself_not_well_known() -> None:
    """Noise alone: by the normal distribution 3 of 4 such layers would have a filter named."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(300, 128, 8, generator=generator, dtype=torch.float64)
    mean, error = values.mean(dim=2), values.std(dim=2) / 8**0.5
    named = [bool(distinguishable(m, e, 8).any()) for m, e in zip(mean, error, strict=True)]
    assert sum(named) / len(named) < 0.1
    taken_for_many = [
        bool(distinguishable(m, e, MANY).any()) for m, e in zip(mean, error, strict=True)
    ]
    assert sum(taken_for_many) / len(taken_for_many) > 0.5


def test_one_picture_tells_nothing() -> None:
    assert distinguishable(torch.tensor([9.0]), torch.tensor([0.1]), 1).tolist() == [False]


def test_how_many_errors_hold_a_mean_with_95_percent() -> None:
    # From a table of Student's t: 12.706 for one degree of freedom, 2.262 for nine.
    assert errors_in_95(2) == pytest.approx(12.706, abs=1e-3)
    assert errors_in_95(10) == pytest.approx(2.262, abs=1e-3)
    assert errors_in_95(MANY) == pytest.approx(1.96, abs=1e-3)
    assert errors_in_95(1) == INFINITE

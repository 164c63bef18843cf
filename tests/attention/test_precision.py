"""Errors and reliabilities against numbers worked by hand, and against repeated sampling."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor

from delta_app.attention.moments import moments
from delta_app.attention.precision import (
    Estimate,
    combined,
    combined_estimate,
    first_order_helps,
    plain,
    plain_estimate,
    rank_correlation,
    reliability,
    split_half_correlation,
    with_mean,
)


def world(seed: int, pictures: int, noise: float) -> tuple[Tensor, Tensor]:
    """Exact and first-order importances of 4 filters; `noise` is what first order gets wrong."""
    generator = torch.Generator().manual_seed(seed)
    exact = torch.randn(4, pictures, dtype=torch.float64, generator=generator)
    exact += torch.tensor([[0.0], [0.5], [1.0], [2.0]])
    wrong = noise * torch.randn(4, pictures, dtype=torch.float64, generator=generator)
    return exact, 0.8 * exact + wrong + 0.3


def test_plain_by_hand() -> None:
    # mean 2; sample variance (1 + 0 + 1) / 2 = 1; error 1 / sqrt(3)
    found = plain_estimate(torch.tensor([[1.0, 2.0, 3.0]]))
    assert found.importance.tolist() == [2.0]
    assert found.standard_error.item() == pytest.approx(1 / math.sqrt(3))
    assert plain_estimate(torch.ones(2, 1)).standard_error.tolist() == [math.inf] * 2


def test_combined_by_hand() -> None:
    first = torch.tensor([[1.0, 2.0, 3.0, 6.0]])  # mean 3
    exact = torch.tensor([[2.0, 5.0]])  # of pictures 0 and 2: differences 1 and 2, mean 1.5
    found = combined_estimate(first, exact, torch.tensor([0, 2]))
    assert found.importance.item() == 4.5
    # s_exact^2 = 4.5, s_difference^2 = 0.5: 4.5 / 4 + 0.5 (1/2 - 1/4) = 1.25
    assert found.standard_error.item() == pytest.approx(math.sqrt(1.25))


def test_combined_with_all_pictures_is_the_exact_mean() -> None:
    exact, first = world(0, 50, 1.0)
    found = combined_estimate(first, exact, torch.arange(50))
    plain = plain_estimate(exact)
    torch.testing.assert_close(found.importance, plain.importance)
    torch.testing.assert_close(found.standard_error, plain.standard_error)


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.1, 3.0])
def test_combined_is_right_on_average_and_errs_as_much_as_it_says(noise: float) -> None:
    """Over 3000 fresh samples of 200 pictures, 20 of them exact; the truth is 0, 0.5, 1, 2."""
    found = []
    for seed in range(3000):
        exact, first = world(seed, 200, noise)
        found.append(combined_estimate(first, exact[:, :20], torch.arange(20)))
    means = torch.stack([each.importance for each in found])
    said = torch.stack([each.standard_error.square() for each in found]).mean(dim=0)
    truth = torch.tensor([0.0, 0.5, 1.0, 2.0], dtype=torch.float64)
    spread = means.std(dim=0)
    assert ((means.mean(dim=0) - truth).abs() < 4 * spread / 3000**0.5).all()
    torch.testing.assert_close(means.var(dim=0), said, rtol=0.1, atol=0)


def test_a_first_order_that_is_noise_does_not_help() -> None:
    for noise, helps in ((0.1, True), (5.0, False)):
        exact, first = world(1, 400, noise)
        both = combined_estimate(first, exact[:, :100], torch.arange(100))
        assert first_order_helps(both, plain_estimate(exact[:, :100])) is helps


def test_by_class_by_hand() -> None:
    """Class 0 has all three sampled, class 1 one of two, class 2 none of its one picture."""
    first = torch.tensor([[1.0, 2.0, 3.0, 5.0, 7.0, 9.0]])
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    exact = torch.tensor([[2.0, 2.0, 5.0, 6.0]])  # of the first four pictures
    apart = moments(exact - first[:, :4], labels[:4], 3)
    found = combined(moments(first, labels, 3), moments(exact, labels[:4], 3), apart)
    # Class 0: mean of exact, 3, and s / sqrt(3) with s^2 = (1 + 1 + 4) / 2. Class 1: 6 + 1.
    errors = [1, math.inf, math.nan]
    assert _first_filter(found) == pytest.approx([3, 7, math.nan, *errors], nan_ok=True)
    alone = plain(moments(exact, labels[:4], 3))
    assert _first_filter(alone) == pytest.approx([3, 6, math.nan, *errors], nan_ok=True)


def _first_filter(found: Estimate) -> list[float]:
    """Of each class: its importance, then its standard error."""
    return torch.cat([found.importance[:, 0], found.standard_error[:, 0]]).tolist()


def test_reliability_by_hand() -> None:
    importance = torch.tensor([0.0, 2.0, 4.0, 2.0])  # variance 4; the last one is their mean
    # Independent errors of 1: their mean's is 1/sqrt(3), and the noise is 3/2 (1 - 1/3) = 1.
    error = torch.tensor([1.0, 1.0, 1.0, 3**-0.5])
    assert reliability(Estimate(importance, error)) == pytest.approx(0.75)
    assert reliability(Estimate(importance, 3 * error)) == 0.0
    assert reliability(Estimate(importance, torch.ones(4))) == 1.0  # all move alike
    assert reliability(Estimate(importance, torch.full((4,), math.inf))) == 0.0
    assert math.isnan(reliability(Estimate(importance[2:], error[2:])))


@pytest.mark.parametrize("shared", [0.0, 20.0])
def test_reliability_is_what_a_second_sample_agrees_with(shared: float) -> None:
    """Of many filters it is the correlation of two measurements, each on its own pictures, also
    where some pictures' losses rise more than others', whatever the filter."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    true = normal(4000, 1)
    one, other = (true + 6 * normal(4000, 24) + shared * normal(1, 24) for _ in "ab")
    agreed = torch.corrcoef(torch.stack([one.mean(1), other.mean(1)]))[0, 1].item()
    assert reliability(plain_estimate(with_mean(one))) == pytest.approx(agreed, abs=0.05)


def test_where_all_pictures_are_sampled_both_are_one_and_the_same() -> None:
    values = torch.randn(5, 9, generator=torch.Generator().manual_seed(0))
    both = combined_estimate(0.9 * values, values, torch.arange(9))
    assert first_order_helps(both, plain_estimate(values))


def test_rank_correlation_as_scipy_has_it_with_ties() -> None:
    one, other = torch.tensor([3.0, 1.0, 1.0, 7.0, 2.0]), torch.tensor([2.0, 2.0, 0.0, 5.0, 2.0])
    expected = spearmanr(one.numpy(), other.numpy()).statistic
    assert rank_correlation(one, other) == pytest.approx(expected)


def test_halves_of_one_picture_each() -> None:
    by_picture = torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    assert split_half_correlation(by_picture, torch.Generator()) == pytest.approx(1.0)
    assert math.isnan(split_half_correlation(by_picture[:, :1], torch.Generator()))

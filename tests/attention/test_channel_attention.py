"""From importance to attention, against numbers worked by hand."""

from __future__ import annotations

import math

import pytest
import torch

from delta_app.attention.channel_attention import (
    channel_attention,
    effective_share,
    shuffled_attention,
    uniform_attention,
)


def test_z_score_with_the_population_deviation_then_a_fifth_then_softmax() -> None:
    # mean 2, population variance ((1-2)^2 + (3-2)^2) / 2 = 1: z = -1, 1
    attention = channel_attention(torch.tensor([1.0, 3.0]))
    expected = math.exp(0.2) / (math.exp(0.2) + math.exp(-0.2))
    assert attention[1].item() == pytest.approx(expected, abs=1e-15)
    assert attention.sum().item() == pytest.approx(1.0)


def test_the_sample_deviation_would_give_something_else() -> None:
    attention = channel_attention(torch.tensor([1.0, 3.0]))
    z = 1 / math.sqrt(2)
    wrong = math.exp(z / 5) / (math.exp(z / 5) + math.exp(-z / 5))
    assert abs(attention[1].item() - wrong) > 0.01


def test_scale_and_shift_of_the_loss_do_not_matter() -> None:
    importance = torch.randn(50, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    moved = channel_attention(importance * 1e-6 + 7)
    torch.testing.assert_close(moved, channel_attention(importance), rtol=1e-6, atol=0)


def test_a_higher_temperature_is_more_uniform() -> None:
    importance = torch.arange(10.0)
    cold, warm = channel_attention(importance, 1.0), channel_attention(importance, 50.0)
    assert (cold.max() - cold.min()) > 10 * (warm.max() - warm.min())


def test_filters_that_all_matter_alike_are_held_alike() -> None:
    assert channel_attention(torch.full((4,), 0.3)).tolist() == [0.25] * 4
    assert uniform_attention(4).tolist() == [0.25] * 4


def test_shuffling_keeps_the_weights_and_moves_them() -> None:
    attention = torch.arange(100.0) / 4950
    shuffled = shuffled_attention(attention, torch.Generator().manual_seed(0))
    assert sorted(shuffled.tolist()) == attention.tolist()
    assert shuffled.tolist() != attention.tolist()
    again = shuffled_attention(attention, torch.Generator().manual_seed(0))
    assert again.tolist() == shuffled.tolist()


def test_effective_share_by_hand() -> None:
    assert effective_share(uniform_attention(7)) == pytest.approx(1.0)
    assert effective_share(torch.tensor([1.0, 0.0, 0.0, 0.0])) == pytest.approx(0.25)
    # two of four channels alike: exp(log 2) / 4
    assert effective_share(torch.tensor([0.5, 0.5, 0.0, 0.0])) == pytest.approx(0.5)

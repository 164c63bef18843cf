"""Weighted maps against hand-worked numbers and against DELTA's own penalty."""

from __future__ import annotations

import pytest
import torch

from delta_app.inspection.maps import (
    activation_difference,
    drift,
    most_attended,
    most_drifted,
    uniform_attention,
    weighted_activation,
)
from delta_app.regularizers.delta import attention_weighted_distance

# One picture, two channels, one row of two positions.
TARGET = torch.tensor([[[[1.0, -2.0]], [[3.0, 0.5]]]])
SOURCE = torch.tensor([[[[0.0, -2.0]], [[1.0, 1.5]]]])
ATTENTION = torch.tensor([0.75, 0.25])


def test_activation_by_hand() -> None:
    # 0.75*1 + 0.25*3 = 1.5; 0.75*2 + 0.25*0.5 = 1.625
    expected = torch.tensor([[[1.5, 1.625]]])
    torch.testing.assert_close(weighted_activation(TARGET, ATTENTION), expected)


def test_drift_by_hand() -> None:
    # C/(2HW) = 2/(2*2) = 0.5; 0.5*(0.75*1 + 0.25*4) = 0.875; 0.5*(0 + 0.25*1) = 0.125
    expected = torch.tensor([[[0.875, 0.125]]])
    torch.testing.assert_close(drift(TARGET, SOURCE, ATTENTION), expected)


def test_drift_sums_to_the_penalty_of_each_picture() -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = {"early": (3, 5, 6, 4), "late": (3, 7, 2, 2)}
    target = {
        k: torch.randn(s, generator=generator, dtype=torch.float64) for k, s in shapes.items()
    }
    source = {
        k: torch.randn(s, generator=generator, dtype=torch.float64) for k, s in shapes.items()
    }
    attention = {
        k: torch.rand(s[1], generator=generator, dtype=torch.float64).softmax(0)
        for k, s in shapes.items()
    }
    sums = torch.stack([drift(target[k], source[k], attention[k]).sum((1, 2)) for k in shapes])
    for picture in range(3):
        penalty = attention_weighted_distance(
            {k: v[picture : picture + 1] for k, v in target.items()},
            {k: v[picture : picture + 1] for k, v in source.items()},
            attention,
        )
        torch.testing.assert_close(sums[:, picture].sum(), penalty)


def test_difference_has_the_sign_of_what_was_gained() -> None:
    # |T| - |S|: channel 0 (1, 0), channel 1 (2, -1) -> 0.75 + 0.5, -0.25
    expected = torch.tensor([[[1.25, -0.25]]])
    torch.testing.assert_close(activation_difference(TARGET, SOURCE, ATTENTION), expected)


def test_uniform_attention_sums_to_one() -> None:
    torch.testing.assert_close(uniform_attention(8), torch.full((8,), 0.125))


def test_most_attended_breaks_ties_by_filter() -> None:
    attention = torch.tensor([0.1, 0.3, 0.2, 0.3, 0.1])
    assert most_attended(attention, 3) == (1, 3, 2)
    assert most_attended(attention, 99) == (1, 3, 2, 0, 4)


def test_most_drifted_filters_come_first() -> None:
    # ||T - S||^2: channel 0 has 1 + 0, channel 1 has 4 + 1.
    assert most_drifted(TARGET, SOURCE, 2) == (1, 0)
    assert most_drifted(TARGET, SOURCE, 1) == (1,)


def test_an_attention_of_another_layer_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) does not fit a layer of 2 channels"):
        weighted_activation(TARGET, torch.ones(3) / 3)
    with pytest.raises(ValueError, match="does not fit"):
        drift(TARGET, SOURCE, torch.ones(3) / 3)


def test_maps_of_different_layers_are_not_compared() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        drift(TARGET, SOURCE[..., :1], ATTENTION)

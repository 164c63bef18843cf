"""DELTA's attention-weighted distance against numbers worked by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from delta_app.regularizers.base import Penalised
from delta_app.regularizers.delta import Delta, DeltaSettings, attention_weighted_distance
from delta_app.regularizers.feature_map import feature_map_distance


def maps(value: torch.Tensor | float, shape: tuple[int, ...]) -> dict[str, torch.Tensor]:
    return {"layer": torch.as_tensor(value).expand(shape).clone()}


def test_a_number_worked_by_hand() -> None:
    # C = 2, H = W = 2, N = 1; differences 1 in channel 0, 3 in channel 1 at every position.
    difference = torch.tensor([1.0, 3.0]).view(1, 2, 1, 1)
    target, source = maps(difference, (1, 2, 2, 2)), maps(0.0, (1, 2, 2, 2))
    attention = {"layer": torch.tensor([0.25, 0.75])}
    # ||d_0||^2 / HW = 4*1/4 = 1, ||d_1||^2 / HW = 4*9/4 = 9
    # 1/2 * C * (0.25*1 + 0.75*9) = 1/2 * 2 * 7 = 7
    assert attention_weighted_distance(target, source, attention).item() == 7.0


def test_summed_over_the_batch_not_averaged() -> None:
    one = attention_weighted_distance(
        maps(1.0, (1, 2, 3, 3)), maps(0.0, (1, 2, 3, 3)), {"layer": torch.tensor([0.5, 0.5])}
    )
    five = attention_weighted_distance(
        maps(1.0, (5, 2, 3, 3)), maps(0.0, (5, 2, 3, 3)), {"layer": torch.tensor([0.5, 0.5])}
    )
    assert five.item() == 5 * one.item() == 5.0


def test_layers_add_up() -> None:
    target = {"a": torch.ones(1, 1, 1, 1), "b": torch.full((1, 1, 2, 2), 2.0)}
    source = {"a": torch.zeros(1, 1, 1, 1), "b": torch.zeros(1, 1, 2, 2)}
    attention = {"a": torch.ones(1), "b": torch.ones(1)}
    assert attention_weighted_distance(target, source, attention).item() == 0.5 * (1 + 4)


def test_uniform_attention_is_the_feature_map_distance_by_position() -> None:
    generator = torch.Generator().manual_seed(0)
    target = {"layer": torch.randn(3, 6, 4, 7, generator=generator, dtype=torch.float64)}
    source = {"layer": torch.randn(3, 6, 4, 7, generator=generator, dtype=torch.float64)}
    uniform = {"layer": torch.full((6,), 1 / 6, dtype=torch.float64)}
    ours = attention_weighted_distance(target, source, uniform)
    assert ours.item() == pytest.approx(feature_map_distance(target, source).item() / (4 * 7))


def test_the_gradient_reaches_the_target_alone() -> None:
    target = torch.randn(2, 3, 4, 4, requires_grad=True)
    source = torch.randn(2, 3, 4, 4)
    weights = torch.tensor([0.2, 0.3, 0.5])
    attention_weighted_distance({"l": target}, {"l": source}, {"l": weights}).backward()
    assert target.grad is not None
    expected = 3 * weights.view(1, 3, 1, 1) * (target.detach() - source) / 16
    torch.testing.assert_close(target.grad, expected)


def test_an_attention_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"layer.*\(3,\).*expected \(2,\)"):
        attention_weighted_distance(
            maps(1.0, (1, 2, 1, 1)), maps(0.0, (1, 2, 1, 1)), {"layer": torch.ones(3) / 3}
        )


def test_channels_last_maps_give_the_same() -> None:
    generator = torch.Generator().manual_seed(1)
    target = torch.randn(2, 8, 5, 5, generator=generator)
    source = torch.randn(2, 8, 5, 5, generator=generator)
    weights = {"l": torch.softmax(torch.randn(8, generator=generator), 0)}
    plain = attention_weighted_distance({"l": target}, {"l": source}, weights)
    last = attention_weighted_distance(
        {"l": target.contiguous(memory_format=torch.channels_last)}, {"l": source}, weights
    )
    torch.testing.assert_close(plain, last)


def test_the_method_scales_with_the_batch_unless_told_otherwise() -> None:
    attention = {"l": torch.ones(1)}
    step = Penalised(
        target=nn.Identity(),
        source_features={"l": torch.zeros(16, 1, 1, 1)},
        target_features={"l": torch.ones(16, 1, 1, 1)},
    )
    assert Delta(DeltaSettings(), attention).backbone_term(step).item() == 8.0
    settings = DeltaSettings(batch_reading="per_64")
    assert Delta(settings, attention).backbone_term(step).item() == 32.0


def test_delta_without_attention_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="attention"):
        Delta(DeltaSettings())


def test_the_controls_have_names_and_colours_of_their_own() -> None:
    variants = {
        a: Delta.variant(DeltaSettings(attention=a))
        for a in ("learned", "uniform", "shuffled", "/some/attention.json")
    }
    assert variants["learned"].color == variants["/some/attention.json"].color == "#D55E00"
    assert variants["uniform"].color == "#CC79A7"
    assert variants["shuffled"].color == "#56B4E9"

"""The feature-map distance against numbers worked by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from delta_app.regularizers.base import Penalised
from delta_app.regularizers.feature_map import (
    FeatureMap,
    FeatureMapSettings,
    feature_map_distance,
    squared_difference,
)


def test_sums_over_layers_batch_channels_and_positions_with_a_half() -> None:
    target = {"a": torch.full((2, 3, 4, 5), 3.0), "b": torch.full((2, 1, 1, 1), 1.0)}
    source = {"a": torch.full((2, 3, 4, 5), 1.0), "b": torch.full((2, 1, 1, 1), 4.0)}
    # 1/2 * (2*3*4*5 values of (3-1)^2 + 2 values of (1-4)^2) = 1/2 * (480 + 18)
    assert feature_map_distance(target, source).item() == 249.0


def test_half_precision_maps_are_squared_in_float32() -> None:
    big = torch.full((1, 1, 8, 8), 1000.0, dtype=torch.float16)
    assert squared_difference(big, torch.zeros_like(big)).sum().item() == 64e6


def test_maps_of_other_shape_are_refused_with_both_shapes() -> None:
    with pytest.raises(ValueError, match=r"\(1, 2, 4, 4\).*\(1, 2, 2, 2\)"):
        squared_difference(torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 2, 2))


@pytest.mark.parametrize(
    ("reading", "batch", "expected"),
    [("sum", 2, 1.0), ("sum", 8, 4.0), ("per_64", 2, 32.0), ("per_64", 8, 32.0)],
)
def test_alpha_reads_the_batch_as_it_is_told(reading: str, batch: int, expected: float) -> None:
    settings = FeatureMapSettings.model_validate({"batch_reading": reading})
    step = Penalised(
        target=nn.Identity(),
        source_features={"a": torch.zeros(batch, 1, 1, 1)},
        target_features={"a": torch.ones(batch, 1, 1, 1)},
    )
    assert FeatureMap(settings).backbone_term(step).item() == expected


def test_both_readings_agree_at_the_reference_batch() -> None:
    step = Penalised(
        target=nn.Identity(),
        source_features={"a": torch.zeros(64, 2, 3, 3)},
        target_features={"a": torch.randn(64, 2, 3, 3, generator=torch.Generator())},
    )
    summed = FeatureMap(FeatureMapSettings(batch_reading="sum")).backbone_term(step)
    per_64 = FeatureMap(FeatureMapSettings(batch_reading="per_64")).backbone_term(step)
    assert summed.item() == per_64.item()


def test_the_default_alpha_is_small_for_a_term_not_divided_by_positions() -> None:
    assert FeatureMapSettings().alpha == 1e-4

"""Each estimator on a small run: what it measures, on how much, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from delta_app.attention.artifact import ChannelAttention, load_attention
from delta_app.training.loop import measure_attention
from delta_app.training.observer import Unstoppable
from delta_app.training.run_config import RunConfig

Config = Callable[..., RunConfig]
Measure = Callable[..., ChannelAttention]


@pytest.fixture
def measure(config: Config, tmp_path: Path, watcher: Any) -> Measure:
    """An attention of 18 training pictures, in batches of 6 where nothing else is said."""

    def run(**settings: Any) -> ChannelAttention:
        folder = tmp_path / "_".join(map(str, ["m", *settings.values()]))
        asked = {"head_epochs": 2, "attention_batch_size": 6} | settings
        measure_attention(config("delta", **asked), folder, watcher, Unstoppable())
        return load_attention(folder / "attention.json")

    return run


def test_exact_and_first_order_are_two_quantities_that_agree_in_part(measure: Measure) -> None:
    exact = measure(estimator="exact", attention_batches=None)
    slope = measure(estimator="first-order", attention_batches=None)
    assert len(exact.pictures) == len(slope.pictures) == 18
    for name, layer in exact.layers.items():
        other = slope.layers[name].importance
        assert not torch.allclose(layer.importance, other, rtol=1e-3, atol=0)
    last = list(exact.layers)[-1]
    pair = torch.stack([exact.layers[last].importance, slope.layers[last].importance])
    assert torch.corrcoef(pair)[0, 1] > 0.5


def test_combined_on_all_pictures_is_exact(measure: Measure) -> None:
    exact = measure(estimator="exact", attention_batches=None)
    both = measure(estimator="combined", attention_batches=None)
    for name, layer in exact.layers.items():
        found = both.layers[name]
        torch.testing.assert_close(found.importance, layer.importance, rtol=1e-6, atol=1e-12)
        torch.testing.assert_close(found.standard_error, layer.standard_error)


def test_combined_on_a_sample_uses_all_pictures_and_says_so(measure: Measure, watcher: Any) -> None:
    alone = measure(estimator="exact", attention_batches=1)
    both = measure(estimator="combined", attention_batches=1)
    assert len(alone.pictures) == len(both.pictures) == 6
    assert ("measuring first order", 18, 18, "pictures") in watcher.phases
    for name, layer in alone.layers.items():
        assert not torch.allclose(both.layers[name].importance, layer.importance)


def test_until_reliable_goes_on_past_the_batches_until_it_is_or_pictures_run_out(
    measure: Measure,
) -> None:
    never = measure(attention_batches=1, attention_reliability=0.999999)
    assert len(never.pictures) == 18
    soon = measure(attention_batches=1, attention_reliability=0.01)
    assert len(soon.pictures) < 18 or min(x.reliability for x in soon.layers.values()) < 0.01
    least = measure(attention_batches=2, attention_reliability=0.000001)
    assert len(least.pictures) >= 12


def test_every_layer_says_how_well_it_is_known(measure: Measure) -> None:
    for name, layer in measure(attention_batches=None).layers.items():
        assert 0 <= layer.reliability <= 1, name
        assert -1 <= layer.split_half <= 1, name


def test_an_unlike_sample_is_put_right_by_the_slope_of_all(measure: Measure) -> None:
    """The two estimators of a sample differ by what the first order says of sample and all."""
    both = measure(estimator="combined", attention_batches=1)
    alone = measure(estimator="exact", attention_batches=1)
    slope_of_all = measure(estimator="first-order", attention_batches=None)
    slope_of_sample = measure(estimator="first-order", attention_batches=1)
    for name, layer in both.layers.items():
        moved = slope_of_all.layers[name].importance - slope_of_sample.layers[name].importance
        torch.testing.assert_close(
            layer.importance, alone.layers[name].importance + moved, rtol=1e-5, atol=1e-9
        )

"""The tail against full forwards: every architecture in float64, one a family in float32."""

from __future__ import annotations

import copy

import psutil
import pytest
import torch
from awake_networks import FAMILIES, QUICK, awake, batch, calm, is_large
from torch import Tensor, nn

from delta_app.attention.ablation import _FullForwards
from delta_app.attention.change import Change, channel_axis
from delta_app.attention.differences import cross_entropy
from delta_app.attention.tail import LayerTails
from delta_app.models.behaviour_layers import default_behaviour_layers
from delta_app.models.catalog import Backbone, backbones

FLOAT64 = 8
LONG = 16_000_000
"""Parameters above which full forwards in float64 are left to the long tests."""

MEMORY = psutil.virtual_memory().total


def _marks(network: Backbone) -> list[pytest.MarkDecorator]:
    # Its weights, and those with a BatchNorm taken in, which the tails keep; two tests run at once.
    needed = 2 * 2 * FLOAT64 * network.parameters
    return [
        *([] if network.name in QUICK else [pytest.mark.slow]),
        *([pytest.mark.long] if network.parameters > LONG else []),
        *([pytest.mark.large] if is_large(network.name) else []),
        pytest.mark.skipif(
            needed > 0.7 * MEMORY, reason=f"needs {needed / 0.7e9:.0f} GB of memory"
        ),
    ]


ALL = [pytest.param(each.name, marks=_marks(each)) for each in backbones()]


@pytest.mark.parametrize("name", ALL)
@torch.no_grad()
def test_the_tail_gives_the_changes_of_a_full_forward(name: str) -> None:
    model = awake(name)
    layers = default_behaviour_layers(name, model)
    images = batch(name, 1 if is_large(name) else 2)
    tails = LayerTails(model, layers)
    tail, full = tails.start(images), _FullForwards(model, layers, images)
    torch.testing.assert_close(tail.logits, full.logits, rtol=0, atol=0)
    for layer in layers:
        output = full.outputs[layer]
        assert torch.equal(tail.outputs[layer], output)
        dim = channel_axis(model.get_submodule(layer))
        channels = output.shape[dim]
        loudest = output.abs().movedim(dim, 0).flatten(1).mean(dim=1).topk(2).indices.tolist()
        generator = torch.Generator().manual_seed(4)
        noise = torch.randn(output.shape, dtype=torch.float64, generator=generator)
        # Not louder: a deep random network multiplies rounding ten thousandfold, in both ways.
        everywhere = 0.1 * noise * output.std()
        filters = sorted({0, *loudest, channels - 1})
        louder = _with_noise(model, layer, images, everywhere) - full.logits
        for by_tail, by_full in (
            (tail.without(layer, filters), full.without(layer, filters)),
            (tail.logit_changes(layer, Change(everywhere, 1)), louder),
        ):
            largest = by_full.abs().max()
            assert largest > 1e-5 * full.logits.abs().max(), layer
            assert (by_tail - by_full).abs().max() <= 1e-9 * largest, layer


def _with_noise(model: nn.Module, layer: str, images: Tensor, noise: Tensor) -> Tensor:
    """The whole network's logits where the layer's output has noise upon it."""
    module = model.get_submodule(layer)
    with module.register_forward_hook(lambda m, i, output: output + noise):
        logits: Tensor = model(images)
    return logits


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
@torch.no_grad()
def test_float32_is_right_within_a_ten_thousandth_of_the_largest(name: str) -> None:
    model = calm(name)
    layers = default_behaviour_layers(name, model)
    images, labels = batch(name), torch.tensor([0, 1])
    double = LayerTails(model, layers).start(images)
    single = LayerTails(copy.deepcopy(model).float(), layers).start(images.float())
    for layer in layers:
        axis = channel_axis(model.get_submodule(layer))
        filters = range(min(8, double.outputs[layer].shape[axis]))
        exact, found = (
            cross_entropy(run.logits, run.without(layer, filters), labels).mean(dim=1)
            for run in (double, single)
        )
        assert (found - exact).abs().max() <= 1e-4 * exact.abs().max(), layer

"""The tail against full forwards, for one architecture a family, in float64."""

from __future__ import annotations

import pytest
import torch

from delta_app.attention.ablation import _FullForwards
from delta_app.attention.tail import LayerTails
from delta_app.models.behaviour_layers import default_behaviour_layers
from delta_app.models.build import build_source

WALKED = {
    "alexnet": 64,
    "convnext_tiny": 64,
    "densenet121": 64,
    "efficientnet_b0": 64,
    "googlenet": 64,
    "inception_v3": 96,
    "mnasnet0_5": 64,
    "mobilenet_v2": 64,
    "mobilenet_v3_small": 64,
    "regnet_y_400mf": 64,
    "resnet18": 64,
    "resnext50_32x4d": 64,
    "shufflenet_v2_x0_5": 64,
    "squeezenet1_1": 64,
}


@pytest.mark.parametrize("name", WALKED)
@torch.no_grad()
def test_the_tail_gives_the_logits_of_a_full_forward(name: str) -> None:
    model = build_source(name, "random").model.double()
    layers = default_behaviour_layers(name, model)
    generator = torch.Generator().manual_seed(2)
    images = torch.randn(3, 3, WALKED[name], WALKED[name], dtype=torch.float64, generator=generator)
    tail, full = LayerTails(model, layers).start(images), _FullForwards(model, layers, images)
    torch.testing.assert_close(tail.logits, full.logits, rtol=0, atol=0)
    for layer in layers:
        output = full.outputs[layer]
        assert torch.equal(tail.outputs[layer], output)
        # Louder than a filter that falls silent: random networks hardly hear that.
        other = 100 * torch.randn(2 * len(images), *output.shape[1:], generator=generator).double()
        by_tail = tail.logits_after(layer, other, 2)
        by_full = full.logits_after(layer, other, 2)
        scale = (by_full - full.logits).abs().max()
        assert scale > 0, layer
        assert (by_tail - by_full).abs().max() <= 1e-9 * scale, layer

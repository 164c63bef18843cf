"""The first order is the slope of the loss as a filter is turned down."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from awake_networks import awake, batch
from torch import Tensor, nn

from delta_app.attention.ablation import ImportanceEngine
from delta_app.attention.first_order import first_order_importance
from delta_app.models.behaviour_layers import default_behaviour_layers
from delta_app.models.build import build_source


def slope(model: nn.Module, layer: str, channel: int, images: Tensor, labels: Tensor) -> Tensor:
    """(CE with the channel times 1 - e, less CE with it times 1 + e) / 2e, by picture."""
    module, e = model.get_submodule(layer), 1e-8  # no ReLU bends within

    def loss(factor: float) -> Tensor:
        def turn(m: nn.Module, i: object, output: Tensor) -> Tensor:
            output = output.clone()
            output.select(3 if isinstance(m, nn.Linear) else 1, channel).mul_(factor)
            return output

        handle = module.register_forward_hook(turn)
        with torch.no_grad():
            value = F.cross_entropy(model(images), labels, reduction="none")
        handle.remove()
        return value

    return (loss(1 - e) - loss(1 + e)) / (2 * e)


SLOW = [
    pytest.param(name, marks=pytest.mark.slow)
    for name in ("mobilenet_v2", "densenet121", "convnext_tiny")
]


@pytest.mark.parametrize("name", ["resnet18", *SLOW])
def test_it_is_the_slope_of_the_loss(name: str) -> None:
    model, images = awake(name), batch(name)
    layers = default_behaviour_layers(name, model)
    labels = torch.tensor([1, 2])
    found = first_order_importance(model, layers, images, labels)
    for layer in layers:
        channel = int(found[layer].abs().sum(dim=1).argmax())
        expected = slope(model, layer, channel, images, labels)
        torch.testing.assert_close(found[layer][channel], expected, rtol=1e-4, atol=1e-6)


def test_it_is_exact_where_the_loss_is_nearly_straight() -> None:
    """A linear tail whose logits hardly move: the loss does not bend either."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4)
    ).double()
    model[3].weight.data *= 1e-6
    images, labels = torch.randn(5, 3, 8, 8, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 0])
    exact = ImportanceEngine(model, ("0",)).measure(images, labels)["0"]
    found = first_order_importance(model, ("0",), images, labels)["0"]
    torch.testing.assert_close(found, exact, rtol=1e-5, atol=1e-12)


def test_the_network_is_left_as_it_was() -> None:
    model = build_source("resnet18", "random").model
    model.requires_grad_(False)
    images = torch.randn(2, 3, 32, 32)
    first_order_importance(model, ("layer1.1.conv2",), images, torch.tensor([0, 1]))
    assert not any(m._forward_hooks for m in model.modules())
    assert all(p.grad is None for p in model.parameters())
    assert not images.requires_grad
    assert not model.training

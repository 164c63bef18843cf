"""One architecture a family from random weights to a step of every method; all others slowly."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from few import slow_but
from torch import Tensor, nn
from torchvision.models import get_model_builder
from walked_networks import WALKED

from delta_app.attention.artifact import uniform
from delta_app.models.behaviour_layers import default_behaviour_layers
from delta_app.models.build import build_source, build_target
from delta_app.models.catalog import backbone, backbones
from delta_app.models.construction import meta_network
from delta_app.models.feature_maps import FeatureMaps, count_hooks, layer_channels, layer_shapes
from delta_app.models.head import backbone_parameters, head_of
from delta_app.models.weights import backbone_digest
from delta_app.regularizers import method, methods
from delta_app.training import metric_names
from delta_app.training.devices import MixedPrecision
from delta_app.training.step import Step

TOO_LARGE = 60_000_000  # parameters: names and shapes only
CLASSES = 3
CPU = torch.device("cpu")


def pictures(size: int, count: int = 2) -> Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


def what_the_layers_put_out(
    model: nn.Module, layers: tuple[str, ...], images: Tensor
) -> dict[str, Tensor]:
    """Each layer's output worked out again from a copy of its input, out of the network."""
    inputs: dict[str, Tensor] = {}

    def keep(layer: str) -> Any:
        def hook(module: nn.Module, arguments: tuple[Tensor]) -> None:
            inputs[layer] = arguments[0].clone()

        return hook

    handles = [
        model.get_submodule(layer).register_forward_pre_hook(keep(layer)) for layer in layers
    ]
    model(images)
    for handle in handles:
        handle.remove()
    outputs = {n: copy.deepcopy(model.get_submodule(n))(inputs[n]) for n in layers}
    return {
        n: t.permute(0, 3, 1, 2) if isinstance(model.get_submodule(n), nn.Linear) else t
        for n, t in outputs.items()
    }


def captured_maps(model: nn.Module, layers: tuple[str, ...], images: Tensor) -> dict[str, Tensor]:
    with FeatureMaps(model, layers) as captured:
        model(images)
        return captured.maps


def step_of(name: str, target: nn.Module, source: nn.Module, channels: dict[str, int]) -> Step:
    kind = method(name)
    needs_attention = "attention" in kind.Settings.model_fields
    regularizer = kind(kind.Settings(), uniform(channels) if needs_attention else None)
    optimizer = torch.optim.SGD(target.parameters(), lr=1e-3)
    precision = MixedPrecision.resolve("float32", CPU)
    return Step(target, source, regularizer, optimizer, precision, layers=tuple(channels))


def walk(name: str, size: int, method_names: list[str]) -> None:
    source = build_source(name, "random")
    layers = default_behaviour_layers(name, source.model)
    target = build_target(source, CLASSES, torch.Generator().manual_seed(0))
    images, labels = pictures(size), torch.tensor([0, 2])

    with torch.no_grad():
        assert target(images).shape == (2, CLASSES)
        of_source = captured_maps(source.model, layers, images)
        of_target = captured_maps(target, layers, images)
        expected = what_the_layers_put_out(source.model, layers, images)
    channels = {layer: maps.shape[1] for layer, maps in of_source.items()}
    assert layer_channels(source.model, layers, size) == channels
    for layer in layers:
        assert torch.equal(of_source[layer], expected[layer]), layer
        assert torch.equal(of_source[layer], of_target[layer]), layer  # Omega starts at 0

    for method_name in method_names:
        before = {n: p.detach().clone() for n, p in backbone_parameters(target).items()}
        with step_of(method_name, target, source.model, channels) as step:
            step.train_mode()
            terms = step(images, labels)
        assert torch.isfinite(terms[metric_names.LOSS_TOTAL]), method_name
        moved = any(not torch.equal(p, before[n]) for n, p in backbone_parameters(target).items())
        assert moved or method_name == "linear_probe"
        assert count_hooks(target) == count_hooks(source.model) == 0
    assert backbone_digest(source.model) == source.digest
    assert all(p.grad is None for p in source.model.parameters())


def test_every_torchvision_module_is_walked_or_too_large() -> None:
    """ResNeXt is torchvision's ResNet and EfficientNetV2 its EfficientNet: walked slowly."""

    def module(name: str) -> str:
        return get_model_builder(name).__module__

    small = {module(b.name) for b in backbones() if b.parameters <= TOO_LARGE}
    assert {module(name) for name in WALKED} == small


@pytest.mark.parametrize("name", slow_but(["resnet18", "mobilenet_v3_small"], WALKED))
def test_a_step_of_every_method(name: str) -> None:
    walk(name, WALKED[name], [m.name for m in methods()])


@pytest.mark.parametrize("name", ["alexnet", "vgg11"])
def test_convolutions_rectified_at_once_are_captured_before_it(name: str) -> None:
    """AlexNet and VGG are too large for the walk; their convolutions alone are not."""
    network = meta_network(name)
    layers = default_behaviour_layers(name, network)
    features = nn.Sequential()
    features.features = network.features.to_empty(device="cpu")
    torch.manual_seed(0)
    for module in features.modules():
        if isinstance(module, nn.Conv2d):
            module.reset_parameters()
    with torch.no_grad():
        found = captured_maps(features, layers, pictures(64))
        expected = what_the_layers_put_out(features, layers, pictures(64))
    for layer in layers:
        assert torch.equal(found[layer], expected[layer])
        assert (found[layer] < 0).any()


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [b.name for b in backbones() if b.parameters <= TOO_LARGE and b.name not in WALKED],
)
def test_a_step_of_every_other_network(name: str) -> None:
    walk(name, 64, ["delta"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [pytest.param(b.name, marks=[] if b.name in WALKED else pytest.mark.long) for b in backbones()],
)
def test_names_and_shapes_of_all(name: str) -> None:
    network = meta_network(name, 7)
    size = backbone(name).input_size
    layers = default_behaviour_layers(name, network)
    shapes = layer_shapes(network, layers, size)
    halvings = [round(math.log2(size / height)) for _, height, _ in shapes.values()]
    family = backbone(name).family
    if family not in ("VGG", "AlexNet", "Inception"):
        assert halvings == [h for h in (2, 3, 4, 5) if h in halvings]
        assert len(halvings) >= 3
    head = head_of(network)[0]
    for layer in layers:
        module = network.get_submodule(layer)
        assert not layer.startswith(head)
        assert getattr(module, "groups", 1) == 1  # no depthwise convolution
    assert network(torch.empty(1, 3, size, size, device="meta")).shape == (1, 7)
    difference = sum(p.numel() for p in meta_network(name).parameters())
    if family != "Inception":  # torchvision counts its auxiliary head, and GoogLeNet's not
        assert difference == backbone(name).parameters

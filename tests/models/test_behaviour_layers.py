"""Behaviour layers: the authors' own, one expected list a family, and what may be chosen."""

from __future__ import annotations

import pytest
from few import slow_but
from torch import nn
from torchvision.ops import SqueezeExcitation

from delta_app.errors import BackboneError
from delta_app.models.behaviour_layers import (
    candidate_layers,
    check_layers,
    default_behaviour_layers,
)
from delta_app.models.catalog import backbones
from delta_app.models.construction import meta_network
from delta_app.models.feature_maps import layer_shapes
from delta_app.models.head import head_of

EXPECTED = {
    # the authors' code
    "resnet50": ["layer1.2.conv3", "layer2.3.conv3", "layer3.5.conv3", "layer4.2.conv3"],
    "resnet101": ["layer1.2.conv3", "layer2.3.conv3", "layer3.22.conv3", "layer4.2.conv3"],
    "inception_v3": ["Conv2d_2b_3x3", "Conv2d_4a_3x3", "Mixed_5d", "Mixed_6e"],
    # the last projection at input/4, /8, /16, /32, read off torchvision's definitions
    "resnet18": ["layer1.1.conv2", "layer2.1.conv2", "layer3.1.conv2", "layer4.1.conv2"],
    "resnext50_32x4d": ["layer1.2.conv3", "layer2.3.conv3", "layer3.5.conv3", "layer4.2.conv3"],
    "wide_resnet50_2": ["layer1.2.conv3", "layer2.3.conv3", "layer3.5.conv3", "layer4.2.conv3"],
    "regnet_y_400mf": [
        "trunk_output.block1.block1-0.f.c.0",
        "trunk_output.block2.block2-2.f.c.0",
        "trunk_output.block3.block3-5.f.c.0",
        "trunk_output.block4.block4-5.f.c.0",
    ],
    "mobilenet_v2": [
        "features.3.conv.2",
        "features.6.conv.2",
        "features.13.conv.2",
        "features.17.conv.2",
    ],
    "mobilenet_v3_large": [
        "features.3.block.2.0",
        "features.6.block.3.0",
        "features.12.block.3.0",
        "features.15.block.3.0",
    ],
    "efficientnet_b0": [
        "features.2.1.block.3.0",
        "features.3.1.block.3.0",
        "features.5.2.block.3.0",
        "features.7.0.block.3.0",
    ],
    "efficientnet_v2_s": [
        "features.2.3.block.1.0",
        "features.3.3.block.1.0",
        "features.5.8.block.3.0",
        "features.6.14.block.3.0",
    ],
    "mnasnet1_0": [
        "layers.8.2.layers.6",
        "layers.9.2.layers.6",
        "layers.11.1.layers.6",
        "layers.13.0.layers.6",
    ],
    "densenet121": [
        "features.transition1.conv",
        "features.transition2.conv",
        "features.transition3.conv",
        "features.norm5",
    ],
    "convnext_tiny": [
        "features.1.2.block.5",
        "features.3.2.block.5",
        "features.5.8.block.5",
        "features.7.2.block.5",
    ],
    # blocks that concatenate: their output; these have no repeated block at input/4 or /32
    "shufflenet_v2_x1_0": ["stage2.3", "stage3.7", "stage4.3"],
    "googlenet": ["inception3b", "inception4e", "inception5b"],
    "squeezenet1_0": ["features.5", "features.10", "features.12"],
    "squeezenet1_1": ["features.4", "features.7", "features.12"],
    # the last convolution before each pooling
    "vgg16": ["features.2", "features.7", "features.14", "features.21", "features.28"],
    "vgg11_bn": ["features.0", "features.4", "features.11", "features.18", "features.25"],
    "alexnet": ["features.0", "features.3", "features.10"],
}


@pytest.mark.parametrize("name", slow_but(["resnet18", "vgg16"], EXPECTED))
def test_the_default_layers(name: str) -> None:
    assert list(default_behaviour_layers(name, meta_network(name))) == EXPECTED[name]


def test_every_family_has_an_expected_list() -> None:
    assert {b.family for b in backbones() if b.name in EXPECTED} == {b.family for b in backbones()}


def test_resolutions_and_channels_of_mobilenet() -> None:
    shapes = layer_shapes(meta_network("mobilenet_v2"), EXPECTED["mobilenet_v2"], 224)
    assert list(shapes.values()) == [(24, 56, 56), (32, 28, 28), (96, 14, 14), (320, 7, 7)]
    assert sum(channels for channels, _, _ in shapes.values()) == 472  # filters, data/README


@pytest.mark.parametrize("name", ["efficientnet_b0", "regnet_y_400mf", "vgg11", "resnet18"])
def test_candidates_leave_out_head_and_squeeze_and_excitation(name: str) -> None:
    network = meta_network(name)
    candidates = candidate_layers(network)
    assert head_of(network)[0] not in candidates
    gates = [n for n, m in network.named_modules() if isinstance(m, SqueezeExcitation)]
    assert not [c for c in candidates if any(c.startswith(f"{g}.") for g in gates)]
    convolutions = {n for n, m in network.named_modules() if isinstance(m, nn.Conv2d)}
    of_gates = {c for c in convolutions if any(c.startswith(f"{g}.") for g in gates)}
    assert convolutions - of_gates <= set(candidates)


@pytest.mark.parametrize("name", ["densenet121", "convnext_tiny", "inception_v3", "mnasnet0_5"])
def test_every_candidate_can_be_held(name: str) -> None:
    network = meta_network(name)
    candidates = candidate_layers(network)
    shapes = layer_shapes(network, candidates, 96)
    assert all(h == w and h >= 1 for _, h, w in shapes.values())
    assert len(set(candidates)) == len(candidates)


def test_whole_blocks_may_be_chosen() -> None:
    candidates = candidate_layers(meta_network("resnet18"))
    assert "layer4.1" in candidates
    assert candidates.index("layer3.0.conv1") < candidates.index("layer4.1.conv2")


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([], "no behaviour layers are given"),
        (["layer1.0.conv1", "layer1.0.conv1"], "layer1.0.conv1 stands twice"),
        (["layer4.2.conv3"], "'layer4.2.conv3' is not a layer of ResNet"),
        (["fc"], "'fc' is not a layer of ResNet that can be held"),
    ],
)
def test_layers_that_cannot_be_held_are_refused_beside_their_field(
    layers: list[str], words: str
) -> None:
    with pytest.raises(BackboneError, match=words) as caught:
        check_layers(meta_network("resnet18"), layers)
    assert caught.value.field == "behaviour_layers"
    assert caught.value.cure


def test_a_close_name_is_offered() -> None:
    with pytest.raises(BackboneError) as caught:
        check_layers(meta_network("resnet18"), ["layer4.1.conv3"])
    assert "layer4.1.conv2" in caught.value.cure

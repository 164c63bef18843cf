"""Which layers' feature maps are held near the source's.

The authors' own layers for the networks they used; for every other network, at input/4, /8,
/16 and /32 as far as it has them, the projection that ends the last repeated block of that
resolution. Resolutions are found by walking the network's shapes, not from a table of names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from torch import nn
from torchvision.models.convnext import CNBlock
from torchvision.models.densenet import _DenseBlock, _Transition
from torchvision.models.efficientnet import FusedMBConv, MBConv
from torchvision.models.googlenet import BasicConv2d as GoogLeNetConv
from torchvision.models.googlenet import Inception
from torchvision.models.inception import (
    BasicConv2d,
    InceptionA,
    InceptionB,
    InceptionC,
    InceptionD,
    InceptionE,
)
from torchvision.models.mnasnet import _InvertedResidual as MNASNetBlock
from torchvision.models.mobilenetv2 import InvertedResidual as MobileNetV2Block
from torchvision.models.mobilenetv3 import InvertedResidual as MobileNetV3Block
from torchvision.models.regnet import ResBottleneckBlock
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.models.shufflenetv2 import InvertedResidual as ShuffleNetBlock
from torchvision.models.squeezenet import Fire
from torchvision.ops import SqueezeExcitation

from delta_app.errors import BackboneError
from delta_app.formatting import some
from delta_app.models.catalog import backbone
from delta_app.models.construction import meta_network
from delta_app.models.feature_maps import layer_shapes
from delta_app.models.head import head_of

AUTHORS_LAYERS = {
    "resnet50": ("layer1.2.conv3", "layer2.3.conv3", "layer3.5.conv3", "layer4.2.conv3"),
    "resnet101": ("layer1.2.conv3", "layer2.3.conv3", "layer3.22.conv3", "layer4.2.conv3"),
    # These put out maps after ReLU, unlike the convolutions above.
    "inception_v3": ("Conv2d_2b_3x3", "Conv2d_4a_3x3", "Mixed_5d", "Mixed_6e"),
}
"""The layers of the authors' code."""

_PROJECTION: dict[type[nn.Module], Callable[[Any], str]] = {
    BasicBlock: lambda block: "conv2",
    Bottleneck: lambda block: "conv3",
    ResBottleneckBlock: lambda block: "f.c.0",
    MobileNetV2Block: lambda block: f"conv.{len(block.conv) - 2}",  # BatchNorm comes last
    MobileNetV3Block: lambda block: f"block.{len(block.block) - 1}.0",
    MBConv: lambda block: f"block.{len(block.block) - 1}.0",
    FusedMBConv: lambda block: f"block.{len(block.block) - 1}.0",
    MNASNetBlock: lambda block: "layers.6",
    CNBlock: lambda block: "block.5",
    _Transition: lambda block: "conv",
    ShuffleNetBlock: lambda block: "",  # concatenating blocks: their output
    Fire: lambda block: "",
    Inception: lambda block: "",
}
"""The projection that ends each kind of repeated block, by its name inside the block."""

_CHOOSABLE = (
    *(kind for kind in _PROJECTION if kind is not _Transition),
    *(BasicConv2d, GoogLeNetConv, InceptionA, InceptionB, InceptionC, InceptionD, InceptionE),
    _DenseBlock,
)
"""Whole modules whose output can be held, besides every convolution."""


def default_behaviour_layers(name: str, model: nn.Module) -> tuple[str, ...]:
    """The behaviour layers of a backbone where the person names none.

    Args:
        name: torchvision's name of the network.
        model: the network, whose layers they must be.

    Raises:
        BackboneError: an unknown backbone, or a network that lacks these layers.
    """
    layers = _default_layers(backbone(name).name)
    check_layers(model, layers)
    return layers


@lru_cache(maxsize=128)
def _default_layers(name: str) -> tuple[str, ...]:
    if name in AUTHORS_LAYERS:
        return AUTHORS_LAYERS[name]
    model = meta_network(name)
    projections = _projections(model)
    if not projections:
        return _before_each_pooling(model)
    size = backbone(name).input_size
    shapes = layer_shapes(model, projections, size)
    last: dict[int, str] = {}  # resolution, as log2 of its share of the input -> layer
    for layer, (_, height, _) in shapes.items():
        last[round(math.log2(size / height))] = layer
    return tuple(last[halvings] for halvings in (2, 3, 4, 5) if halvings in last)


def _projections(model: nn.Module) -> list[str]:
    """The projection of every repeated block, in the order of the network."""
    names = []
    for name, module in model.named_modules():
        if inside := _PROJECTION.get(type(module)):
            names.append(f"{name}.{inside(module)}".rstrip("."))
        elif _is_last_dense_norm(name, module):
            names.append(name)
    return names


def _is_last_dense_norm(name: str, module: nn.Module) -> bool:
    """DenseNet's last block has no transition after it, only this BatchNorm."""
    return name == "features.norm5" and isinstance(module, nn.BatchNorm2d)


def _before_each_pooling(model: nn.Module) -> tuple[str, ...]:
    """VGG, AlexNet: the last convolution before each pooling."""
    layers, convolution = [], None
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            convolution = name
        elif isinstance(module, nn.MaxPool2d) and convolution is not None:
            layers.append(convolution)
            convolution = None
    return tuple(layers)


def candidate_layers(model: nn.Module) -> tuple[str, ...]:
    """Every layer that may be held, in the order of the network.

    All convolutions but those of squeeze-and-excitation (their maps are single points) and the
    head; ConvNeXt's linear layers; whole blocks; DenseNet's last BatchNorm.
    """
    head = head_of(model)[0]
    names: list[str] = []
    within: dict[str, nn.Module] = {}  # of the prefixes: blocks that open or close what is inside
    for name, module in model.named_modules():
        within[name] = module
        parents = [within[p] for p in _prefixes(name)]
        if name == head or any(isinstance(p, SqueezeExcitation) for p in parents):
            continue
        linear_map = isinstance(module, nn.Linear) and any(isinstance(p, CNBlock) for p in parents)
        if (
            isinstance(module, (nn.Conv2d, *_CHOOSABLE))
            or linear_map
            or _is_last_dense_norm(name, module)
        ):
            names.append(name)
    return tuple(names)


def _prefixes(name: str) -> list[str]:
    """ "a.b.c" -> ["", "a", "a.b"]; the network itself is within nothing."""
    parts = name.split(".")
    return [".".join(parts[:depth]) for depth in range(len(parts))] if name else []


def check_layers(model: nn.Module, layers: Sequence[str]) -> None:
    """Make sure that every one of the layers can be held.

    Raises:
        BackboneError: none given, one given twice, or one that is not a candidate of this
            network; its field is behaviour_layers.
    """
    network = type(model).__name__
    if not layers:
        raise BackboneError(
            "no behaviour layers are given.",
            cure="Name at least one, or leave the setting empty for the default ones.",
            field="behaviour_layers",
        )
    if twice := [layer for layer in dict.fromkeys(layers) if list(layers).count(layer) > 1]:
        raise BackboneError(
            f"{some(twice)} stands twice among the behaviour layers.",
            cure="Name each layer once.",
            field="behaviour_layers",
        )
    candidates = candidate_layers(model)
    known = set(candidates)
    for layer in layers:
        if layer not in known:
            close = get_close_matches(layer, candidates, n=3) or list(candidates[-3:])
            raise BackboneError(
                f"{layer!r} is not a layer of {network} that can be held.",
                cure=f"Take for example {', '.join(close)}.",
                field="behaviour_layers",
            )

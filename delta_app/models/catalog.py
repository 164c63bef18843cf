"""Every torchvision classification network made of convolutions, by torchvision's own metadata.

Names, sizes, accuracies and file names are read from the weights' metadata, so the catalog
builds no network and touches no file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import torchvision
from torchvision.models import get_model_builder, get_model_weights, list_models

from delta_app.errors import BackboneError

_MODULES = frozenset(
    {
        *("alexnet", "convnext", "densenet", "efficientnet", "googlenet", "inception", "mnasnet"),
        *("mobilenetv2", "mobilenetv3", "regnet", "resnet", "shufflenetv2", "squeezenet", "vgg"),
    }
)
"""torchvision's modules of convolutional classifiers; its transformers stay out."""

_LABELS = (
    # (pattern of the name, family, label)
    (r"alexnet", "AlexNet", "AlexNet"),
    (r"convnext_(\w+)", "ConvNeXt", "ConvNeXt {0:title}"),
    (r"densenet(\d+)", "DenseNet", "DenseNet-{0}"),
    (r"efficientnet_(b\d)", "EfficientNet", "EfficientNet-{0:upper}"),
    (r"efficientnet_v2_(\w)", "EfficientNetV2", "EfficientNetV2-{0:upper}"),
    (r"googlenet", "GoogLeNet", "GoogLeNet"),
    (r"inception_v3", "Inception", "Inception v3"),
    (r"mnasnet(\d)_(\d+)", "MNASNet", "MNASNet {0}.{1}"),
    (r"mobilenet_v2", "MobileNetV2", "MobileNetV2"),
    (r"mobilenet_v3_(\w+)", "MobileNetV3", "MobileNetV3 {0:title}"),
    (r"regnet_([xy])_(\d+)([mg]f)", "RegNet", "RegNet{0:upper}-{1}{2:upper}"),
    (r"regnet_([xy])_(\d)_(\d)gf", "RegNet", "RegNet{0:upper}-{1}.{2}GF"),
    (r"resnet(\d+)", "ResNet", "ResNet-{0}"),
    (r"resnext(\d+)_(\w+)", "ResNeXt", "ResNeXt-{0} {1}"),
    (r"wide_resnet(\d+)_(\d)", "Wide ResNet", "Wide ResNet-{0}-{1}"),
    (r"shufflenet_v2_x(\d)_(\d)", "ShuffleNetV2", "ShuffleNetV2 x{0}.{1}"),
    (r"squeezenet(\d)_(\d)", "SqueezeNet", "SqueezeNet {0}.{1}"),
    (r"vgg(\d+)", "VGG", "VGG-{0}"),
    (r"vgg(\d+)_bn", "VGG", "VGG-{0} with BatchNorm"),
)


@dataclass(frozen=True)
class Backbone:
    """What is known of a network without building it.

    Attributes:
        name: torchvision's name.
        parameters: with torchvision's head of 1000 classes.
        input_size: side of the square its weights were made for, px.
        smallest_size: side below which its layers have nothing left to see, px.
        top1: accuracy of torchvision's weights on ImageNet, in [0, 1].
        weights_file, weights_url, weights_bytes: torchvision's weights file; bytes rounded.
    """

    name: str
    label: str
    family: str
    parameters: int
    input_size: int
    smallest_size: int
    top1: float | None
    weights_file: str | None
    weights_url: str | None
    weights_bytes: int | None


class _Word(str):
    """A string whose format spec is a case: "{0:upper}"."""

    def __format__(self, spec: str) -> str:
        return str(getattr(str(self), spec)() if spec else self)


def _family_and_label(name: str) -> tuple[str, str]:
    for pattern, family, label in _LABELS:
        if match := re.fullmatch(pattern, name):
            return family, label.format(*map(_Word, match.groups()))
    return name, name  # a network newer than this table keeps torchvision's name


def default_weights(name: str) -> Any:
    """torchvision's best weights of that network, an entry of its WeightsEnum."""
    return get_model_weights(backbone(name).name).DEFAULT


def _describe(name: str) -> Backbone:
    weights = get_model_weights(name).DEFAULT
    meta = weights.meta
    family, label = _family_and_label(name)
    top1 = meta.get("_metrics", {}).get("ImageNet-1K", {}).get("acc@1")
    mebibytes = meta.get("_file_size")
    return Backbone(
        name=name,
        label=label,
        family=family,
        parameters=int(meta["num_params"]),
        input_size=int(weights.transforms().crop_size[0]),
        smallest_size=int(max(meta.get("min_size", (1, 1)))),
        top1=None if top1 is None else round(top1 / 100, 5),
        weights_file=weights.url.rsplit("/", 1)[-1],
        weights_url=weights.url,
        weights_bytes=None if mebibytes is None else round(mebibytes * 2**20),
    )


@lru_cache(maxsize=1)
def _catalog() -> dict[str, Backbone]:
    names = [
        name
        for name in list_models(module=torchvision.models)
        if get_model_builder(name).__module__.rsplit(".", 1)[-1] in _MODULES
    ]
    return {name: _describe(name) for name in names}


def backbones() -> tuple[Backbone, ...]:
    """All networks, family by family, small ones first."""
    return tuple(sorted(_catalog().values(), key=lambda b: (b.family.lower(), b.parameters)))


def backbone(name: str) -> Backbone:
    """The network of that name.

    Raises:
        BackboneError: torchvision has no such network, or it has no convolutions to hold.
    """
    try:
        return _catalog()[name]
    except KeyError:
        close = get_close_matches(name.lower().replace("-", "_"), _catalog(), n=3, cutoff=0.5)
        raise BackboneError(
            f"no backbone is called {name!r}.",
            cure=f"Did you mean {' or '.join(close)}?"
            if close
            else "Take one of torchvision's convolutional classifiers, such as resnet50.",
            field="backbone",
        ) from None

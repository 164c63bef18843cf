"""Networks to look inside: loaded, kept and run apart from any that trains.

Each is an instance of its own, in eval mode, on the CPU, without gradients. What they saw of a
picture is kept, so that a live overlay costs one forward pass of the target alone. Hooks are
owned by a `with` block under the network's lock; random state and settings of the process are
left as they are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from delta_app.errors import WeightsError
from delta_app.models.build import build_network, build_source
from delta_app.models.feature_maps import FeatureMaps
from delta_app.services import allowed
from delta_app.services.kept import Kept
from delta_app.training.weights_files import fill

NETWORK_BYTES = 1_500_000_000
SEEN_BYTES = 200_000_000


@dataclass(frozen=True)
class Network:
    """One network in memory, and the lock that lets one thread at a time run it."""

    model: nn.Module
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class Seen:
    """What a network made of one picture.

    Attributes:
        logits: (K,).
        maps: feature maps by behaviour layer, (1, C, H, W) each.
    """

    logits: Tensor
    maps: Mapping[str, Tensor]


@dataclass(frozen=True)
class SourceOf:
    """Names a source network by all that determines it."""

    backbone: str
    weights: str
    digest: str

    def load(self) -> nn.Module:
        """Build it again.

        Raises:
            OutsideError: they are a file that the app may not read.
            WeightsError: its weights are gone, or are others by now.
        """
        allowed.check_weights_file(self.weights)
        source = build_source(self.backbone, self.weights)
        if source.digest != self.digest:
            raise WeightsError(
                f"The starting weights {self.weights!r} are no longer those that this run "
                "started from.",
                cure="Put the former file back; the maps of the source cannot be shown without.",
            )
        return source.model


@dataclass(frozen=True)
class TargetOf:
    """Names a run's network at one moment: the weights file and its state."""

    backbone: str
    classes: int
    file: Path
    stamp: int

    def replaces(self, other: Hashable) -> bool:
        """Whether `other` is an earlier state of the same file."""
        return isinstance(other, TargetOf) and other.file == self.file and other != self

    def load(self) -> nn.Module:
        """Build it and fill it with the file's weights.

        Raises:
            RunError: the file cannot be read or does not fit.
        """
        network = build_network(self.backbone, self.classes)
        fill(network, self.file)
        return network.eval().requires_grad_(False)


_networks: Kept[Network] = Kept(NETWORK_BYTES, lambda network: _size(network.model))
_seen: Kept[Seen] = Kept(SEEN_BYTES, lambda seen: sum(_bytes(m) for m in seen.maps.values()))


def look(
    network: SourceOf | TargetOf,
    layers: tuple[str, ...],
    picture: Hashable,
    images: Callable[[], Tensor],
) -> Seen:
    """Run a network on one picture, or give back what it saw of it before.

    Args:
        layers: whose feature maps are captured.
        picture: names the picture and how it was transformed.
        images: gives the picture normalised, (1, 3, S, S).

    Raises:
        WeightsError, RunError: the network cannot be loaded.
        BackboneError: it does not have these layers.
    """
    return _seen.get((network, layers, picture), lambda: _look(network, layers, images()))


def _look(network: SourceOf | TargetOf, layers: tuple[str, ...], images: Tensor) -> Seen:
    if isinstance(network, TargetOf):
        _networks.forget(network.replaces)
    loaded = _networks.get(network, lambda: Network(network.load()))
    with loaded.lock, torch.no_grad(), FeatureMaps(loaded.model, layers) as captured:
        logits = loaded.model(images)[0].float()
        maps = {layer: captured.maps[layer].float().contiguous() for layer in layers}
    return Seen(logits, maps)


def _size(model: nn.Module) -> int:
    return sum(_bytes(tensor) for tensor in model.state_dict().values())


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()

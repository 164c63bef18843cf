"""Source and target networks: built, filled with weights, given a head."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from delta_app.models.catalog import Backbone, backbone
from delta_app.models.construction import blank_network, random_network
from delta_app.models.head import replace_head
from delta_app.models.randomness import use_generator
from delta_app.models.weights import LoadReport, backbone_digest, fit, load_state
from delta_app.models.weights_download import OnProgress, download_default
from delta_app.models.weights_file import weights_path


@dataclass(frozen=True)
class Source:
    """The source network: frozen, in eval mode, as the weights file left it.

    Attributes:
        model: with torchvision's head of 1000 classes; auxiliary heads are off.
        report: what loaded and what did not.
        digest: sha256 of its weights, the head's left out.
    """

    model: nn.Module
    report: LoadReport
    backbone: Backbone
    digest: str


def build_source(
    name: str, weights: str, *, seed: int = 0, on_progress: OnProgress | None = None
) -> Source:
    """The source network of a backbone with its starting weights, on the CPU.

    Args:
        name: torchvision's name of the network.
        weights: "default" (torchvision's best, downloaded where it is not there yet), "random",
            or the path of a weights file.
        seed: of random weights, and of tensors that a file lacks.
        on_progress: told of the download.

    Raises:
        BackboneError: an unknown backbone.
        WeightsError: a file that cannot be had, read or fitted.
    """
    entry = backbone(name)
    if weights == "random":
        model = random_network(name, seed)
        report = LoadReport(f"random weights, seed {seed}", 0, (), (), (), "")
    else:
        given = weights != "default"
        path = weights_path(weights) if given else download_default(name, on_progress)
        model, report = _from_file(name, path, seed)
    model.eval().requires_grad_(False)
    digest = backbone_digest(model)
    report = replace(report, digest=report.digest or digest)
    return Source(model=model, report=report, backbone=entry, digest=digest)


def _from_file(name: str, path: Path, seed: int) -> tuple[nn.Module, LoadReport]:
    state = load_state(path)
    model = blank_network(name)
    taken, report = fit(state, model, str(path))
    if report.missing or report.other_shape:  # these keep the random weights
        model = random_network(name, seed)
    _fill(model, taken)
    return model, report


def build_target(source: Source, n_classes: int, generator: torch.Generator) -> nn.Module:
    """The network to be fine-tuned: the source's copy with a fresh head, every weight trainable.

    It is in eval mode, on the source's device. The head is drawn from `generator`; dropout and
    stochastic depth draw from it too, until `use_generator` gives them another.

    Args:
        n_classes: size of the new head, at least 1.
    """
    target = copy.deepcopy(source.model)
    replace_head(target, n_classes, generator)
    use_generator(target, generator)
    return target.requires_grad_(True)


def build_network(name: str, n_classes: int) -> nn.Module:
    """The target's structure in eval mode with every weight zero, to load a run's state into."""
    return blank_network(name, n_classes)


def _fill(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    own = model.state_dict()  # shares memory with the network
    with torch.no_grad():
        for name, tensor in tensors.items():
            own[name].copy_(tensor)

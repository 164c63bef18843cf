"""Choosing a backbone and its starting weights, for the form and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from delta_app.errors import DeltaAppError, WeightsError
from delta_app.formatting import millions, percent, size
from delta_app.models import weights as weights_of_models
from delta_app.models.behaviour_layers import candidate_layers, default_behaviour_layers
from delta_app.models.catalog import Backbone, backbone, backbones
from delta_app.models.construction import meta_network
from delta_app.models.weights import LoadReport
from delta_app.models.weights_download import weights_path_for
from delta_app.models.weights_file import weights_path


@dataclass(frozen=True)
class WeightsCheck:
    """What is known of starting weights before a run.

    Attributes:
        words: for the form, as sentences.
        report: how a file of one's own fits; None for torchvision's and random weights.
        download_bytes: what the run will download first; 0 where nothing, None where unknown.
    """

    words: str
    report: LoadReport | None = None
    download_bytes: int | None = 0

    @property
    def complete(self) -> bool:
        """Whether no part of the backbone is left at random that was meant to be loaded."""
        return self.report is None or self.report.complete


@dataclass(frozen=True)
class LayerChoice:
    """The layers of a backbone that may be held, and those held where none are named."""

    default: tuple[str, ...]
    candidates: tuple[str, ...]


def search(text: str = "") -> tuple[Backbone, ...]:
    """The backbones that have every word of the text in name, label or family.

    Case, hyphens, underscores and points do not count: "resnet 50", "ResNet-50" and "resnet50"
    find the same. An empty text finds all.
    """
    words = [plain for word in text.split() if (plain := _plain(word))]
    return tuple(
        each
        for each in backbones()
        if all(word in _plain(f"{each.name} {each.label} {each.family}") for word in words)
    )


def _plain(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def words_of(entry: Backbone) -> str:
    """What tells backbones apart: "11.7 M parameters, 224 px, 69.8 % ImageNet top-1"."""
    words = [f"{millions(entry.parameters)} parameters", f"{entry.input_size} px"]
    if entry.top1 is not None:
        words.append(f"{percent(entry.top1)} ImageNet top-1")
    return ", ".join(words)


@lru_cache(maxsize=32)
def layers_of(name: str) -> LayerChoice:
    """The behaviour layers that the form offers for a backbone.

    Raises:
        BackboneError: an unknown backbone.
    """
    model = meta_network(name)
    return LayerChoice(default_behaviour_layers(name, model), candidate_layers(model))


def check_weights(name: str, weights: str) -> WeightsCheck:
    """What the starting weights are, as far as it can be known without a network or a download.

    A file is read once and remembered until it changes, since forms ask again and again.

    Args:
        weights: "default", "random" or the path of a file.

    Raises:
        BackboneError: an unknown backbone.
        WeightsError: a file that is not there, cannot be read or does not fit; its field is
            weights.
    """
    entry = backbone(name)
    if weights == "random":
        return WeightsCheck("Random weights: nothing is pretrained, so there is little to keep.")
    if weights == "default":
        return _check_default(entry)
    if not weights.strip():
        raise WeightsError(
            "no weights file is given.",
            cure="Give the path of a .pth, .pt or .safetensors file.",
            field="weights",
        )
    path = weights_path(weights)
    try:
        state = path.stat()
        version = (state.st_mtime_ns, state.st_ctime_ns, state.st_size)
    except (OSError, ValueError):
        version = (0, 0, 0)  # no such file, which is what reading it will say
    found = _outcome(name, str(path), version)
    if isinstance(found, DeltaAppError):  # a fresh one, since a raised one collects tracebacks
        raise type(found)(found.message, cure=found.cure, field=found.field)
    return WeightsCheck(found.summary(), found)


def _check_default(entry: Backbone) -> WeightsCheck:
    path = weights_path_for(entry.name)
    if path.exists():
        return WeightsCheck(f"torchvision's ImageNet weights, {path.name}, are on this machine.")
    volume = "" if entry.weights_bytes is None else f" ({size(entry.weights_bytes)})"
    return WeightsCheck(
        f"torchvision's ImageNet weights{volume} will be downloaded when the run starts. "
        f"Without a network, put {path.name} into {path.parent}.",
        download_bytes=entry.weights_bytes,
    )


@lru_cache(maxsize=16)
def _outcome(name: str, path: str, version: tuple[int, int, int]) -> LoadReport | DeltaAppError:
    """The report on a file, or what is wrong with it; `version` tells a changed file."""
    try:
        report = weights_of_models.check_weights(name, path)
    except DeltaAppError as error:
        return error.with_traceback(None)
    if report is None:
        raise ValueError(f"{path} was expected to be a file")
    return report

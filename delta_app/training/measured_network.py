"""The network whose filters are measured: the source with a head of its own, or a run's result."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from delta_app.data.records import Splits
from delta_app.errors import AttentionError, DeltaAppError
from delta_app.json_files import read_json
from delta_app.models.build import build_network, build_target
from delta_app.models.feature_maps import layer_channels
from delta_app.models.preprocessing import Preprocessing
from delta_app.training.devices import resolve_device
from delta_app.training.network_file import read_network
from delta_app.training.preparation import Networks
from delta_app.training.run_config import RunConfig
from delta_app.training.weights_files import fill


@dataclass(frozen=True)
class MeasuredNetwork:
    """What a measurement needs to know of the network before it builds it.

    Attributes:
        channels: number of filters by behaviour layer.
        preprocessing: what pictures go through before it.
        digest: of the weights that it is measured with, a head trained for it left out.
        head_is_trained: whether it classifies already; else a head is trained first.
        build: makes it, in eval mode, on the run's device.
    """

    channels: Mapping[str, int]
    preprocessing: Preprocessing
    digest: str
    head_is_trained: bool
    build: Callable[[], nn.Module]


def source_with_head(config: RunConfig, networks: Networks, classes: int) -> MeasuredNetwork:
    """The source with a fresh head, which is drawn from the attention's seed."""
    device = resolve_device(config.optimization.device)

    def build() -> nn.Module:
        generator = torch.Generator().manual_seed(config.attention.attention_seed)
        return build_target(networks.source, classes, generator).to(device)

    return MeasuredNetwork(
        networks.channels, networks.preprocessing, networks.source.digest, False, build
    )


def fine_tuned(folder: Path, config: RunConfig) -> tuple[MeasuredNetwork, Splits]:
    """A training run's network with its own head, and the pictures it was trained on.

    Args:
        folder: of the training run.
        config: of the run that measures; its device and memory layout count.

    Raises:
        AttentionError: the folder holds no trained network, or its files cannot be read.
    """
    weights, model_file, split_file = (
        folder / name for name in ("best.safetensors", "model.json", "split.json")
    )
    missing = [path.name for path in (weights, model_file, split_file) if not path.is_file()]
    if missing:
        raise AttentionError(
            f"The run in {folder} has no trained network to measure: {', '.join(missing)} is not "
            "there.",
            cure="Choose a training run that completed or was stopped after an epoch.",
        )
    try:
        about = read_network(model_file)
        splits = Splits.from_json(read_json(split_file))
        network = build_network(about.backbone, len(splits.classes))
        fill(network, weights)
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        channels = layer_channels(network, about.behaviour_layers, about.preprocessing.size)
    except (OSError, ValueError, DeltaAppError) as error:
        why = error.message if isinstance(error, DeltaAppError) else f"{error}."
        raise AttentionError(
            f"The trained network in {folder} cannot be read: {why}",
            cure="Train the run again, and measure that one.",
        ) from error
    settings = config.optimization
    layout = torch.channels_last if settings.channels_last else torch.contiguous_format

    def build() -> nn.Module:
        on_device = network.to(resolve_device(settings.device)).to(memory_format=layout)
        return on_device.eval().requires_grad_(False)

    return MeasuredNetwork(channels, about.preprocessing, digest, True, build), splits

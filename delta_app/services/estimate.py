"""How long a run will take and how much memory, before it starts.

Time is what the network computes divided by how fast this device computes: the operations are
counted by running the network's shapes, the speed is taken from runs that were already made
here. Without such a run both are rough, and said to be.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from delta_app.config import OptimizationSettings
from delta_app.errors import DeltaAppError
from delta_app.formatting import duration, size
from delta_app.models.behaviour_layers import default_behaviour_layers
from delta_app.models.construction import meta_network
from delta_app.models.feature_maps import layer_channels
from delta_app.models.preprocessing import preprocessing
from delta_app.regularizers import method
from delta_app.runs.records import RunRecord
from delta_app.training.devices import MixedPrecision, resolve_device
from delta_app.training.run_config import RunConfig

FLOPS_OF_A_CORE = 3e10
FLOPS_OF_A_DEVICE = {"cuda": 1e13, "mps": 2e12}
"""Operations a second that convolutional training reaches where no run has shown it yet."""

BACKWARD = 2.0
"""A backward pass computes about twice what a forward pass does."""

ABLATED_TAIL = 0.4
"""Share of a forward pass that disabling one filter costs, on average over the layers."""


@dataclass(frozen=True)
class Cost:
    """What one picture costs in a forward pass, and what the network holds.

    Attributes:
        flops: multiplications and additions, each counted.
        activation_bytes: outputs of all layers in float32, which training keeps.
        parameters: of the whole network.
        filters: channels of its behaviour layers.
    """

    flops: float
    activation_bytes: int
    parameters: int
    filters: int


@dataclass(frozen=True)
class Estimate:
    """How long and how much.

    Attributes:
        measured: whether runs with this backbone and picture size on this device were made.
    """

    seconds: float
    memory_bytes: float
    measured: bool

    def words(self) -> str:
        """ "about 4 min, 1.2 GB of memory"; "roughly" where nothing was measured."""
        return (
            f"{'about' if self.measured else 'roughly'} {duration(_rounded(self.seconds))}, "
            f"{size(self.memory_bytes)} of memory"
        )


def _rounded(seconds: float) -> float:
    """Two significant digits: an estimate that says more would lie."""
    return float(f"{max(seconds, 1.0):.1e}") if seconds < 60 else 60 * round(seconds / 60)


@lru_cache(maxsize=64)
def cost(name: str, image_size: int, behaviour_layers: tuple[str, ...] | None = None) -> Cost:
    """Count a network's operations by running its shapes; no weights are made."""
    model = meta_network(name)
    layers = behaviour_layers or default_behaviour_layers(name, model)
    channels = layer_channels(model, layers, image_size)
    outputs = 0

    def add(_module: nn.Module, _inputs: object, output: object) -> None:
        nonlocal outputs
        if isinstance(output, torch.Tensor):
            outputs += output.numel()

    handles = [
        module.register_forward_hook(add)
        for module in model.modules()
        if not any(True for _ in module.children())
    ]
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model(torch.empty(1, 3, image_size, image_size, device="meta"))
    finally:
        for handle in handles:
            handle.remove()
    return Cost(
        flops=float(counter.get_total_flops()),
        activation_bytes=4 * outputs,
        parameters=sum(p.numel() for p in model.parameters()),
        filters=sum(channels.values()),
    )


def estimate(
    config: RunConfig, pictures: Mapping[str, int], past: Sequence[RunRecord] = ()
) -> Estimate:
    """Time and memory of a run.

    Args:
        pictures: how many by split ("train", "val", "test").
        past: runs of this machine; those that trained on the same device tell its speed.

    Raises:
        DeltaAppError: an unknown backbone, a picture size too small for it, no such device.
    """
    device = resolve_device(config.optimization.device)
    each = _cost_of(config)
    speed, measured = _speed(config, device, past)
    train, val, test = (pictures.get(split, 0) for split in ("train", "val", "test"))
    flops = config.optimization.epochs * (train * _step_flops(config, each) + val * each.flops)
    flops += test * each.flops
    if config.measures_attention:
        flops += _attention_flops(config, each, train)
    return Estimate(flops / speed, _memory(config, each, device), measured)


def _cost_of(config: RunConfig) -> Cost:
    size = preprocessing(config.model.backbone, config.model.image_size).size
    return cost(config.model.backbone, size, config.model.behaviour_layers)


def _step_flops(config: RunConfig, each: Cost) -> float:
    """Operations a training picture: forward, backward, and the source's forward."""
    kind = method(config.method.method)
    passes = 1 + (BACKWARD if kind.trains_backbone else 0) + kind.compares_feature_maps
    return passes * each.flops


def _attention_flops(config: RunConfig, each: Cost, train: int) -> float:
    settings = config.attention
    pictures = train
    if settings.attention_batches is not None:
        pictures = min(train, settings.attention_batches * settings.attention_batch_size)
    return each.flops * (train + pictures * (1 + each.filters * ABLATED_TAIL))


def _speed(
    config: RunConfig, device: torch.device, past: Sequence[RunRecord]
) -> tuple[float, bool]:
    """Operations a second, and whether this very network showed them."""
    alike: list[float] = []
    other: list[float] = []
    for record in past:
        try:
            ran = RunConfig.model_validate(record.config)
            if (record.pictures_per_second or 0) <= 0:
                continue
            if resolve_device(ran.optimization.device).type != device.type:
                continue
            flops = float(record.pictures_per_second or 0) * _step_flops(ran, _cost_of(ran))
        except (DeltaAppError, ValueError):
            continue  # a run of another kind, or of another machine
        (alike if _same_network(config, ran) else other).append(flops)
    if alike:
        return alike[0], True
    # Small pictures and a busy machine hide what a device can do, so the fastest counts.
    cores = config.optimization.threads or os.cpu_count() or 1
    usual = FLOPS_OF_A_DEVICE.get(device.type, cores * FLOPS_OF_A_CORE)
    return max(usual, *other, 0.0), False


def _same_network(one: RunConfig, other: RunConfig) -> bool:
    return (one.model.backbone, one.model.image_size) == (
        other.model.backbone,
        other.model.image_size,
    )


def _memory(config: RunConfig, each: Cost, device: torch.device) -> float:
    """Bytes: networks, gradients, optimizer, and what a step keeps for its backward pass."""
    settings: OptimizationSettings = config.optimization
    kind = method(config.method.method)
    copies = 2.0  # the source and the target
    if kind.trains_backbone:
        copies += 1 + (2 if settings.optimizer == "adamw" else 1)  # gradients, moments
    half = MixedPrecision.resolve(settings.precision, device).dtype is not None
    activations = settings.batch_size * each.activation_bytes * (0.5 if half else 1.0)
    if not kind.trains_backbone:
        activations *= 0.1  # without a backward pass only a few layers are there at a time
    return copies * 4 * each.parameters + activations

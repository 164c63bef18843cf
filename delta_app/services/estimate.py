"""How long a run will take and how much memory, before it starts.

Time is what the network computes divided by how fast this device computes: the operations are
counted by running the network's shapes, the speed is taken from runs that were already made
here. Without such a run both are rough, and said to be.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from delta_app.attention.ablation import PICTURES_AT_ONCE as TAIL_PICTURES
from delta_app.attention.first_order import PICTURES_AT_ONCE as SLOPE_PICTURES
from delta_app.config import AttentionSettings, OptimizationSettings
from delta_app.errors import DeltaAppError
from delta_app.formatting import duration, size
from delta_app.models.preprocessing import preprocessing
from delta_app.regularizers import method
from delta_app.runs.records import RunRecord
from delta_app.services.network_cost import Cost, cost
from delta_app.training.devices import MixedPrecision, resolve_device
from delta_app.training.faithfulness_of_run import MOST_PICTURES, RANDOM_ORDERS
from delta_app.training.run_config import RunConfig

FLOPS_OF_A_CORE = 3e10
FLOPS_OF_A_DEVICE = {"cuda": 1e13, "mps": 2e12}
"""Operations a second that convolutional training reaches where no run has shown it yet."""

BACKWARD = 2.0
"""A backward pass computes about twice what a forward pass does."""


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


def estimate(
    config: RunConfig, pictures: Mapping[str, int], past: Sequence[RunRecord] = ()
) -> Estimate:
    """Time and memory of a training run.

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
    flops = config.optimization.total_epochs * (
        train * _step_flops(config, each) + val * each.flops
    )
    flops += test * each.flops
    if config.measures_attention:
        flops += _attention_flops(config.attention, each, train)
    return Estimate(flops / speed, _memory(config, each, device), measured)


def estimate_attention(
    config: RunConfig, pictures: Mapping[str, int], past: Sequence[RunRecord] = ()
) -> Estimate:
    """Time and memory of a run that measures attention alone; takes and raises what `estimate`
    does. Where it goes on until reliable, the most it can take."""
    settings, device = config.attention, resolve_device(config.optimization.device)
    each = _cost_of(config)
    speed, measured = _speed(config, device, past)
    flops = _attention_flops(settings, each, pictures.get("train", 0))
    if settings.faithfulness:
        held_back = pictures.get("val", 0) or pictures.get("test", 0)
        # Most important first, least important first, and the random ones.
        curves = each.faithfulness_flops(2 + RANDOM_ORDERS)
        flops += min(held_back, MOST_PICTURES) * (each.flops + curves)
    # What the slopes' backward pass needs of some pictures, or the tails of fewer, parts included.
    together = SLOPE_PICTURES if settings.estimator != "exact" else 1.5 * TAIL_PICTURES
    memory = 4.0 * each.parameters + together * each.activation_bytes
    return Estimate(flops / speed, memory, measured)


def _cost_of(config: RunConfig) -> Cost:
    size = preprocessing(config.model.backbone, config.model.image_size).size
    return cost(config.model.backbone, size, config.model.behaviour_layers)


def _step_flops(config: RunConfig, each: Cost) -> float:
    """Operations a training picture: forward, backward, and the source's forward."""
    kind = method(config.method.method)
    passes = 1 + (BACKWARD if kind.trains_backbone else 0) + kind.compares_feature_maps
    return passes * each.flops


def _attention_flops(settings: AttentionSettings, each: Cost, train: int) -> float:
    """Operations of the head's training, the look at all pictures, and the measurement."""
    measured = _measured_pictures(settings, train)
    slopes = (1 + BACKWARD) * each.flops
    exact = each.flops + each.importance_flops
    by_picture = {"exact": exact, "first-order": slopes, "combined": exact + slopes}
    head_epochs = settings.head_epochs if settings.attention_of is None else 0
    flops = (head_epochs + 1) * train * each.flops
    flops += measured * by_picture[settings.estimator]
    return flops + (train * slopes if settings.estimator == "combined" else 0.0)


def _measured_pictures(settings: AttentionSettings, train: int) -> int:
    """How many the filters are measured on, crops of one counted each; the most it can be."""
    if settings.attention_batches is None:
        return train
    asked = settings.attention_batches * settings.attention_batch_size
    until_reliable = settings.attention_reliability is not None
    if settings.attention_pictures == "augmented":  # cropped anew as often as it takes
        return max(asked, train) if until_reliable else asked
    return train if until_reliable else min(asked, train)


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

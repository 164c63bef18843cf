"""What a network costs for one picture, counted from its shapes alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from delta_app.attention.faithfulness import numbers_disabled
from delta_app.models.behaviour_layers import default_behaviour_layers
from delta_app.models.construction import meta_network
from delta_app.models.feature_maps import layer_channels


@dataclass(frozen=True)
class Cost:
    """What one picture costs in a forward pass, and what the network holds.

    Attributes:
        flops: multiplications and additions, each counted.
        activation_bytes: outputs of all layers in float32, which training keeps.
        parameters: of the whole network.
        channels: by behaviour layer, its filters.
        tails: by behaviour layer, the operations that run after it.
        mixing: by behaviour layer, those of the first of them that mixes channels: it hears of
            one disabled filter through one input channel only, for next to nothing.
    """

    flops: float
    activation_bytes: int
    parameters: int
    channels: Mapping[str, int]
    tails: Mapping[str, float]
    mixing: Mapping[str, float]

    @property
    def filters(self) -> int:
        """Of all behaviour layers."""
        return sum(self.channels.values())

    @property
    def importance_flops(self) -> float:
        """Operations that disable every filter once, by the exact engine."""
        return sum(
            filters * (self.tails[layer] - self.mixing[layer])
            for layer, filters in self.channels.items()
        )

    def faithfulness_flops(self, orders: int) -> float:
        """Operations that disable filters one after another, in so many orders."""
        return sum(
            orders * len(numbers_disabled(filters)) * self.tails[layer]
            for layer, filters in self.channels.items()
        )


@lru_cache(maxsize=64)
def cost(name: str, image_size: int, behaviour_layers: tuple[str, ...] | None = None) -> Cost:
    """Count a network's operations by running its shapes; no weights are made.

    Raises:
        SettingsError: the pictures are too small for this network.
    """
    model = meta_network(name)
    layers = behaviour_layers or default_behaviour_layers(name, model)
    channels = layer_channels(model, layers, image_size)
    ran: list[tuple[nn.Module, float, int]] = []  # module, operations until its end, its outputs

    def note(module: nn.Module, _inputs: object, output: object) -> None:
        outputs = output.numel() if isinstance(output, torch.Tensor) else 0
        ran.append((module, float(counter.get_total_flops()), outputs))

    followed = [m for m in model.modules() if not any(True for _ in m.children())]
    followed += [m for m in map(model.get_submodule, layers) if m not in followed]
    handles = [module.register_forward_hook(note) for module in followed]
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model(torch.empty(1, 3, image_size, image_size, device="meta"))
    finally:
        for handle in handles:
            handle.remove()
    total = float(counter.get_total_flops())
    ended = {layer: _place(ran, model.get_submodule(layer)) for layer in channels}
    return Cost(
        flops=total,
        activation_bytes=4 * sum(n for m, _, n in ran if not any(True for _ in m.children())),
        parameters=sum(p.numel() for p in model.parameters()),
        channels=channels,
        tails={layer: total - ran[place][1] for layer, place in ended.items()},
        mixing={layer: _first_mixing(ran[place:]) for layer, place in ended.items()},
    )


def _place(ran: list[tuple[nn.Module, float, int]], module: nn.Module) -> int:
    return next(place for place, (each, _, _) in enumerate(ran) if each is module)


def _first_mixing(ran: list[tuple[nn.Module, float, int]]) -> float:
    """Operations of the first layer behind the first entry that mixes channels; 0 for none."""
    for (_, before, _), (module, after, _) in pairwise(ran):
        if isinstance(module, nn.LayerNorm):  # it mixes them, and what follows hears of all
            return 0.0
        if isinstance(module, nn.Linear) or (
            isinstance(module, nn.Conv2d) and module.groups < module.in_channels
        ):
            return after - before
    return 0.0

"""Measures faithfulness: each layer's filters disabled in several orders, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from delta_app.attention.disabling import Disabling
from delta_app.attention.faithfulness import (
    Curve,
    LayerFaithfulness,
    most_first,
    numbers_disabled,
    random_orders,
)
from delta_app.models.modes import eval_mode


class FaithfulnessSweep:
    """The curves of some layers of one network.

    Args:
        model: backbone and head; run in eval mode, its own modes come back.
        importance: by layer, (C,) each: what orders the filters.
        orders: how many random orders each layer has besides.
        seed: of the random orders.

    Attributes:
        variants: sets of disabled filters, over all layers; each runs on every picture.
        operations: of all of them, for one picture: what progress is counted in.
        traced: whether only what lies after a layer is run for each of them.
    """

    def __init__(
        self, model: nn.Module, importance: Mapping[str, Tensor], *, orders: int, seed: int
    ) -> None:
        self._model = model
        self._layers = {}
        with eval_mode(model):
            for layer, values in importance.items():
                most = most_first(values.cpu())
                chosen = [most, most.flip(0), *random_orders(len(most), orders, seed)]
                self._layers[layer] = _LayerSweep(Disabling(model, layer), chosen)
        self.variants = sum(sweep.variants for sweep in self._layers.values())
        self.operations = sum(sweep.operations for sweep in self._layers.values())
        self.traced = all(sweep.traced for sweep in self._layers.values())

    @torch.no_grad()
    def add(
        self,
        images: Tensor,
        labels: Tensor,
        on_operations: Callable[[int], None] = lambda operations: None,
    ) -> None:
        """Run every variant on some more pictures.

        Args:
            images: (N, 3, S, S), normalised.
            labels: (N,), class indices.
            on_operations: told after each variant how many were run, over these pictures; it
                may raise to stop.
        """
        with eval_mode(self._model):
            for sweep in self._layers.values():
                sweep.add(images, labels, on_operations)

    def found(self) -> dict[str, LayerFaithfulness]:
        """By layer, over all pictures so far."""
        return {name: sweep.found() for name, sweep in self._layers.items()}


def disabled_sets(orders: Sequence[Tensor], numbers: Sequence[int]) -> Tensor:
    """Which filters are disabled at each point of each order: the first n of it.

    Args:
        orders: O of them, (C,) each.
        numbers: S of them, how many are disabled.

    Returns:
        (O, S, C), bool.
    """
    places = torch.stack([order.argsort() for order in orders])  # (O, C)
    return places[:, None, :] < torch.tensor(numbers)[None, :, None]


class _LayerSweep:
    """One layer; orders that meet in one set of filters (none, all) share its run."""

    def __init__(self, disabling: Disabling, orders: Sequence[Tensor]) -> None:
        self._disabling = disabling
        channels = len(orders[0])
        numbers = numbers_disabled(channels)
        self._shares = torch.tensor(numbers, dtype=torch.float64) / channels
        sets = disabled_sets(orders, numbers)
        self._sets, which = sets.flatten(0, 1).unique(dim=0, return_inverse=True)
        self._which = which.view(len(orders), len(numbers))
        self._loss = torch.zeros(len(self._sets), dtype=torch.float64)
        self._right = torch.zeros(len(self._sets), dtype=torch.float64)
        self._pictures = 0

    @property
    def variants(self) -> int:
        return len(self._sets)

    @property
    def operations(self) -> int:
        return self.variants * self._disabling.operations

    @property
    def traced(self) -> bool:
        return self._disabling.traced

    def add(self, images: Tensor, labels: Tensor, on_operations: Callable[[int], None]) -> None:
        rest, labels = self._disabling.start(images), labels.cpu()
        for place, disabled in enumerate(self._sets.to(images.device)):
            # As the evaluation has it: a logit that ran away counts as the largest number.
            logits = rest(disabled).cpu().nan_to_num().double()
            self._loss[place] += F.cross_entropy(logits, labels, reduction="sum")
            self._right[place] += (logits.argmax(dim=1) == labels).sum()
            on_operations(self._disabling.operations * len(labels))
        self._pictures += len(labels)

    def found(self) -> LayerFaithfulness:
        losses = (self._loss / self._pictures)[self._which]
        accuracies = (self._right / self._pictures)[self._which]
        most, least, *random = map(Curve, losses, accuracies)
        return LayerFaithfulness(self._shares, most, least, tuple(random))

"""Exact filter importance: disable a filter, run the rest, see how much the loss rises.

A disabled filter's change is carried through what lies after its layer, many filters at once, and
the loss's rise is formed from the change of the logits: nothing nearly equal is subtracted. A
network that torch.fx cannot trace pays full forwards and gives the same numbers, of fewer digits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from delta_app.attention import differences
from delta_app.attention.change import channel_axis
from delta_app.attention.finite import check_finite
from delta_app.attention.graph import NotTraceable
from delta_app.attention.tail import LayerTails

PICTURES_AT_ONCE = 8
"""Pictures that run through the tail together."""

BYTES_AT_ONCE = 32_000_000
"""Of the largest change that runs through the tail; the values beside it take a few times as
much."""


class Ablation(Protocol):
    """One batch through a network, and how its logits change."""

    @property
    def logits(self) -> Tensor:
        """Of the intact network, (N, K)."""

    @property
    def outputs(self) -> Mapping[str, Tensor]:
        """The intact layers' outputs."""

    @property
    def largest(self) -> int:
        """Elements that the change of one variant had at most, in the last call."""

    def without(self, layer: str, filters: Sequence[int]) -> Tensor:
        """How the logits change where each of the filters alone is disabled, (F, N, K)."""


class ImportanceEngine:
    """Measures filter importance on one network, batch by batch.

    Args:
        model: backbone and head in eval mode.
        layers: behaviour layers.

    Attributes:
        traced: False where torch.fx could not follow the network and full forwards are paid.
    """

    def __init__(self, model: nn.Module, layers: tuple[str, ...]) -> None:
        self._model = model
        self._layers = layers
        try:
            self._tails: LayerTails | None = LayerTails(model, layers)
        except NotTraceable:
            self._tails = None
        self.traced = self._tails is not None

    @torch.no_grad()
    def measure(
        self,
        images: Tensor,
        labels: Tensor,
        on_pairs: Callable[[int], None] = lambda pairs: None,
        filters: Mapping[str, Sequence[int]] | None = None,
    ) -> dict[str, Tensor]:
        """Rise in cross-entropy when each filter is disabled, by picture.

        Disabled means that the filter's channel of the layer's output is zero, a bias included.

        Args:
            images: (N, 3, S, S), normalised.
            labels: (N,), class indices.
            on_pairs: told how many pairs of a filter and a picture were measured since it was
                last called; it may raise to stop.
            filters: by layer, those that are measured, C of them; all of all layers by default.

        Returns:
            CE(disabled) - CE(intact) by layer, (C, N) each, float64 on the CPU, signed.

        Raises:
            AttentionError: the intact network's answers are no numbers.

        Source: the authors' channel_eval.py, there averaged over each batch.
        """
        wanted = self._layers if filters is None else tuple(filters)
        found: dict[str, list[Tensor]] = {layer: [] for layer in wanted}
        axes = {layer: channel_axis(self._model.get_submodule(layer)) for layer in wanted}
        for few, their in zip(
            images.split(PICTURES_AT_ONCE), labels.split(PICTURES_AT_ONCE), strict=True
        ):
            run: Ablation
            if self._tails is not None:
                run = self._tails.start(few)
            else:
                run = _FullForwards(self._model, self._layers, few)
            check_finite(run.logits)
            for layer in wanted:
                all_of = range(run.outputs[layer].shape[axes[layer]])
                chosen = all_of if filters is None else filters[layer]
                found[layer].append(_rises(run, layer, their.cpu(), chosen, on_pairs))
        return {layer: torch.cat(parts, dim=1) for layer, parts in found.items()}


def _rises(
    run: Ablation,
    layer: str,
    labels: Tensor,
    filters: Sequence[int],
    on_pairs: Callable[[int], None],
) -> Tensor:
    """(C, N) on the CPU, of the chosen filters of a layer."""
    # In float64, which not every device has; logits are few.
    logits = run.logits.cpu()
    at_once, rises, first = 1, [torch.zeros((0, len(labels)), dtype=torch.float64)], 0
    while first < len(filters):
        some = filters[first : first + at_once]
        rises.append(differences.cross_entropy(logits, run.without(layer, some).cpu(), labels))
        on_pairs(len(some) * len(labels))
        first += len(some)
        # The first filter, alone, has shown how large its change grows.
        at_once = filters_at_once(run.largest * run.outputs[layer].element_size())
    return torch.cat(rises)


def filters_at_once(largest: int) -> int:
    """How many filters run together.

    Args:
        largest: bytes that the change of one filter takes at most, on all pictures.
    """
    return max(1, BYTES_AT_ONCE // largest)


class _FullForwards:
    """The slow way, for what cannot be traced: the whole network for every filter."""

    def __init__(self, model: nn.Module, layers: tuple[str, ...], images: Tensor) -> None:
        self._images = images
        self._model = model
        self._modules = {layer: model.get_submodule(layer) for layer in layers}
        self.outputs: dict[str, Tensor] = {}

        def keep(name: str) -> Callable[[nn.Module, object, Tensor], None]:
            def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
                self.outputs[name] = output.clone()

            return hook

        handles = [m.register_forward_hook(keep(name)) for name, m in self._modules.items()]
        try:
            self.logits: Tensor = model(images)
        finally:
            for handle in handles:
                handle.remove()
        self.largest = max(images.numel(), *(o.numel() for o in self.outputs.values()))

    def without(self, layer: str, filters: Sequence[int]) -> Tensor:
        module = self._modules[layer]
        dim = channel_axis(module)

        def disable(m: nn.Module, inputs: object, output: Tensor) -> Tensor:
            """Of every call of the layer: a network may call it more than once."""
            variants = output.clone().unflatten(0, (len(filters), -1))
            for variant, channel in zip(variants, filters, strict=True):
                variant.select(dim, channel).zero_()
            return variants.flatten(0, 1)

        with module.register_forward_hook(disable):
            logits: Tensor = self._model(self._images.repeat(len(filters), 1, 1, 1))
        # Subtracted in float64, which not every device has.
        return logits.unflatten(0, (len(filters), -1)).cpu().double() - self.logits.cpu().double()

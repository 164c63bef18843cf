"""Exact filter importance: disable a filter, run the rest, see how much the loss rises.

For the layer's output only what lies after it is run again, many filters at a time. A network
that torch.fx cannot trace pays full forwards and gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from delta_app.attention.tail import IntactRun, LayerTails, NotTraceable

PICTURES_AT_ONCE = 256
"""Filters times pictures that run through the tail together: enough to fill two cores or a
small GPU's convolutions."""

BYTES_AT_ONCE = 256_000_000
"""Of the copies of a layer's output that run together; what follows takes a few times as much."""


class Ablation(Protocol):
    """Logits of a network whose layers' outputs are replaced."""

    @property
    def logits(self) -> Tensor:
        """Of the intact network, (N, K)."""

    @property
    def outputs(self) -> Mapping[str, Tensor]:
        """The intact layers' outputs."""

    def logits_after(self, layer: str, outputs: Tensor, variants: int) -> Tensor:
        """(variants, N, K) for outputs (variants * N, ...)."""


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
        on_filters: Callable[[int], None] = lambda filters: None,
    ) -> dict[str, Tensor]:
        """Rise in cross-entropy when each filter is disabled, by picture.

        Disabled means that the filter's channel of the layer's output is zero, a bias included.

        Args:
            images: (N, 3, S, S), normalised.
            labels: (N,), class indices.
            on_filters: told how many filters were measured since it was last called; it may
                raise to stop.

        Returns:
            CE(disabled) - CE(intact) by layer, (C, N) each, float64, signed.

        Source: the authors' channel_eval.py, there averaged over each batch.
        """
        run: Ablation
        if self._tails is not None:
            run = self._tails.start(images)
        else:
            run = _FullForwards(self._model, self._layers, images)
        intact = _cross_entropy(run.logits, labels)  # (N,)
        modules = dict(self._model.named_modules())
        importance = {}
        for layer in self._layers:
            # ConvNeXt's linear layers put out (N, H, W, C), all else (N, C, H, W).
            dim = 3 if isinstance(modules[layer], nn.Linear) else 1
            importance[layer] = _rises(
                run, layer, run.outputs[layer], dim, labels, intact, on_filters
            )
        return importance


def _rises(
    run: Ablation,
    layer: str,
    output: Tensor,
    dim: int,
    labels: Tensor,
    intact: Tensor,
    on_filters: Callable[[int], None],
) -> Tensor:
    channels = output.shape[dim]
    pictures = output.shape[0]
    bytes_of_copy = output.numel() * output.element_size()
    at_once = max(1, min(PICTURES_AT_ONCE // pictures, BYTES_AT_ONCE // bytes_of_copy))
    rises = []
    for first in range(0, channels, at_once):
        filters = range(first, min(first + at_once, channels))
        disabled = without_filters(output, filters, dim)
        logits = run.logits_after(layer, disabled, len(filters))  # (F, N, K)
        loss = _cross_entropy(logits.flatten(0, 1), labels.repeat(len(filters)))
        rises.append(loss.unflatten(0, (len(filters), pictures)) - intact)
        on_filters(len(filters))
    return torch.cat(rises)


def without_filters(output: Tensor, filters: range, dim: int) -> Tensor:
    """Copies of a layer's output, each with one channel zero.

    Args:
        output: (N, ...), channels along `dim`.
        filters: which channel is zero in which copy.

    Returns:
        (len(filters) * N, ...), copy after copy, in the memory layout of `output`.
    """
    copies = output.unsqueeze(0).repeat(len(filters), *[1] * output.dim())
    for copy, channel in zip(copies, filters, strict=True):
        copy.select(dim, channel).zero_()
    flat = copies.flatten(0, 1)
    if output.dim() == 4 and output.is_contiguous(memory_format=torch.channels_last):
        return flat.contiguous(memory_format=torch.channels_last)
    return flat


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """By picture, in float64: a difference of two of these keeps float32's digits."""
    return F.cross_entropy(logits.double(), labels, reduction="none")


class _FullForwards:
    """The slow way, for what cannot be traced: the whole network with the output replaced."""

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

    def logits_after(self, layer: str, outputs: Tensor, variants: int) -> Tensor:
        handle = self._modules[layer].register_forward_hook(lambda m, i, o: outputs)
        try:
            logits: Tensor = self._model(self._images.repeat(variants, 1, 1, 1))
        finally:
            handle.remove()
        return logits.unflatten(0, (variants, self._images.shape[0]))


__all__ = ["ImportanceEngine", "IntactRun", "without_filters"]

"""What variants of a network change about one of its values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Change:
    """The change of a value of shape (N, ...) in F variants of the network.

    A disabled filter changes one channel, and that stays so until a layer mixes channels. Until
    then only that channel is held.

    Attributes:
        values: (F * N, ...), variant after variant; along `dim` one channel where `channels` is
            given, else all.
        variants: F.
        channels: (F,), the one channel that each variant changes; None where any may differ.
        dim: of the channels, in `values` and in the value itself; without a meaning where
            `channels` is None.
    """

    values: Tensor
    variants: int
    channels: Tensor | None = None
    dim: int = 1

    def by_variant(self) -> Tensor:
        """The values as (F, N, ...)."""
        return self.values.unflatten(0, (self.variants, -1))

    def beside(self, base: Tensor) -> Tensor:
        """The part of a base (N, ...) that the values lie on, to broadcast with `by_variant`."""
        if self.channels is None:
            return base.unsqueeze(0)
        picked = base.index_select(self.dim, self.channels)
        return picked.movedim(self.dim, 0).unsqueeze(self.dim + 1)

    def map(self, function: Callable[[Tensor], Tensor]) -> Change:
        """A linear function of (F * N, ...) that keeps channels apart and in their place."""
        return replace(self, values=function(self.values))

    def through(self, function: Callable[..., Tensor], *bases: Tensor) -> Change:
        """A function of (parts of the bases, values), element by element or channel by channel."""
        values = function(*(self.beside(base) for base in bases), self.by_variant())
        return replace(self, values=values.flatten(0, 1))

    def spread(self, shape: Sequence[int]) -> Change:
        """The same change with all channels of a value of `shape`; zeros where it is confined."""
        if self.channels is None:
            return self
        narrow = self.by_variant()
        wide = _zeros(self.values, (self.values.shape[0], *shape[1:]))
        wide = wide.unflatten(0, (self.variants, -1))
        places = self.channels.view(-1, *[1] * (narrow.dim() - 1)).expand(narrow.shape)
        wide.scatter_(self.dim + 1, places, narrow)
        return Change(wide.flatten(0, 1), self.variants)


def channel_axis(layer: nn.Module) -> int:
    """Where a layer's output has its channels: ConvNeXt's linear layers put out (N, H, W, C), all
    else (N, C, H, W)."""
    return 3 if isinstance(layer, nn.Linear) else 1


def disabled(output: Tensor, filters: Sequence[int], dim: int) -> Change:
    """The change of a layer's output where one channel in each variant is zero.

    Args:
        output: (N, ...), channels along `dim`.
        filters: which channel is zero in which variant.
    """
    channels = torch.tensor(filters, device=output.device)
    zeroed = -output.index_select(dim, channels).movedim(dim, 0).unsqueeze(dim + 1)
    return Change(zeroed.flatten(0, 1), len(filters), channels, dim)


def _zeros(like: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Zeros, in four dimensions with the channels last: the layout that convolutions run in."""
    zeros = torch.zeros(shape, dtype=like.dtype, device=like.device)
    return zeros.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else zeros

"""Dropout and stochastic depth that draw from a run's own generator.

torch's own draw from the process-wide state, which pages and other runs share. These have the
same mathematics: the result is the input times a Bernoulli mask over the keep probability.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.ops import StochasticDepth


def keep_mask(like: Tensor, shape: list[int], keep: float, generator: torch.Generator) -> Tensor:
    """A mask of that shape: 1 / keep with probability `keep`, else 0.

    Drawn on the generator's device, and moved to `like`'s where that is another one (slower,
    but the numbers are then the same on every device). `like` gives device and dtype.
    """
    mask = torch.empty(shape, dtype=like.dtype, device=generator.device)
    mask.bernoulli_(keep, generator=generator)
    if keep > 0:
        mask.div_(keep)
    return mask.to(like.device, non_blocking=True)


class RunDropout(nn.Module):
    """`nn.Dropout` that draws from a generator. Shape: any, kept."""

    def __init__(self, p: float, generator: torch.Generator) -> None:
        super().__init__()
        self.p = p
        self.generator = generator

    def forward(self, features: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return features
        return features * keep_mask(features, list(features.shape), 1 - self.p, self.generator)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class RunStochasticDepth(nn.Module):
    """torchvision's `StochasticDepth` that draws from a generator.

    Drops whole residual branches: of single pictures (mode "row") or of the batch (mode
    "batch"). Shape: (N, ...), kept.
    """

    def __init__(self, p: float, mode: str, generator: torch.Generator) -> None:
        super().__init__()
        self.p = p
        self.mode = mode
        self.generator = generator

    def forward(self, branch: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return branch
        rows = branch.shape[0] if self.mode == "row" else 1
        shape = [rows] + [1] * (branch.ndim - 1)
        return branch * keep_mask(branch, shape, 1 - self.p, self.generator)

    def extra_repr(self) -> str:
        return f"p={self.p}, mode={self.mode}"


def set_dropout(model: nn.Module, p: float) -> None:
    """Give every dropout of the network the probability `p`; stochastic depth stays as it is."""
    for module in model.modules():
        if isinstance(module, RunDropout):
            module.p = p


def generators(model: nn.Module) -> list[torch.Generator]:
    """What the network's dropouts and stochastic depths in train mode draw from, each once."""
    drawing = (
        module.generator
        for module in model.modules()
        if isinstance(module, (RunDropout, RunStochasticDepth)) and module.training
    )
    return list({id(generator): generator for generator in drawing}.values())


def use_generator(model: nn.Module, generator: torch.Generator) -> None:
    """Let every dropout and stochastic depth of the network draw from `generator`.

    Replaces torch's modules in place; where it was called before, only the generator changes.
    Give a generator on the network's device: another device works, with a copy each step.
    """
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, (RunDropout, RunStochasticDepth)):
                child.generator = generator
            elif isinstance(child, nn.Dropout):
                setattr(parent, name, RunDropout(child.p, generator).train(child.training))
            elif isinstance(child, StochasticDepth):
                depth = RunStochasticDepth(child.p, child.mode, generator)
                setattr(parent, name, depth.train(child.training))

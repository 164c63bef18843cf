"""Train and eval modes, put back whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[nn.Module]:
    """Set the whole network to eval mode; afterwards every module has its own mode again."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield model
    finally:
        for module, training in modes:
            module.training = training


def freeze_batchnorm(model: nn.Module) -> None:
    """Set every BatchNorm to eval mode, so that it keeps and uses its running statistics.

    To be called after each `model.train()`, which sets them to train mode again. Their affine
    parameters go on being trained.
    """
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.eval()

"""Operations that are linear in each channel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from delta_app.attention.change import Change
from delta_app.attention.site import Site


def kept(site: Site) -> Any:
    """The change as it came."""
    return site.change()


def apart(site: Site) -> Change:
    """The operation itself, on the change: it is linear and keeps to each channel."""
    change: Change = site.change()
    return change.map(site.again)


def batch_norm(site: Site) -> Change:
    """In eval mode a factor for each channel."""
    change: Change = site.change()
    factor = site.once("factor", lambda: batch_norm_factor(site.module))
    if change.channels is None:
        return change.map(lambda values: values * factor.view(-1, 1, 1))
    own = factor[change.channels].view(-1, 1, 1, 1, 1)
    return replace(change, values=(change.by_variant() * own).flatten(0, 1))


def batch_norm_factor(module: nn.BatchNorm2d) -> Tensor:
    """What each channel is multiplied by in eval mode: weight / sqrt(variance + eps), (C,)."""
    assert module.running_var is not None
    scale = (module.running_var + module.eps).rsqrt()
    return scale if module.weight is None else scale * module.weight

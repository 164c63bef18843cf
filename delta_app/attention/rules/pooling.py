"""The largest of each window."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch.nn.functional as F

from delta_app.attention import differences
from delta_app.attention.change import Change
from delta_app.attention.rules.rule import Rule
from delta_app.attention.site import Site


def max_pool(settings: Callable[[Site], dict[str, Any]]) -> Rule:
    """Module or function, told apart by where its settings stand."""

    def change(site: Site) -> Change:
        changed: Change = site.change()
        chosen = settings(site)
        if _side_by_side(site, chosen):
            below = site.once("below", lambda: differences.below_maximum(site.base(), **chosen))
            shifted = changed.through(operator.add, below)
            return shifted.map(lambda values: F.max_pool2d(values, **chosen))
        if changed.channels is None:
            values = differences.max_pool(site.base(), changed.values, changed.variants, **chosen)
        else:  # each variant has an intact channel of its own
            own = changed.beside(site.base()).flatten(0, 1)
            values = differences.max_pool(own, changed.values, 1, **chosen)
        return replace(changed, values=values)

    return Rule(change, needs_inputs=True)


def _side_by_side(site: Site, settings: dict[str, Any]) -> bool:
    """Whether the windows neither overlap nor leave anything out."""
    kernel, stride, padding, dilation = (
        (value, value) if isinstance(value, int) else tuple(value)
        for value in (
            settings["kernel_size"],
            settings["stride"] or settings["kernel_size"],
            settings["padding"],
            settings["dilation"],
        )
    )
    sizes = site.shape()[2:]
    whole = all(size % window == 0 for size, window in zip(sizes, kernel, strict=True))
    return whole and kernel == stride and padding == (0, 0) and dilation == (1, 1)


def pool_of_module(site: Site) -> dict[str, Any]:
    """Settings of nn.MaxPool2d."""
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    return {name: getattr(site.module, name) for name in names}


def pool_of_function(site: Site) -> dict[str, Any]:
    """Settings of F.max_pool2d."""
    defaults = {"kernel_size": None, "stride": None, "padding": 0, "dilation": 1}
    defaults |= {"ceil_mode": False}
    return {
        name: site.setting(place, name, default)
        for place, (name, default) in enumerate(defaults.items(), 1)
    }

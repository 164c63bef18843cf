"""Operations that mix channels: convolutions, products, and norms over them."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from delta_app.attention import differences
from delta_app.attention.change import Change
from delta_app.attention.convolution import through_convolution
from delta_app.attention.site import Site


def convolution(site: Site) -> Change:
    """`once` may hold another weight already: one that takes in the BatchNorm behind."""
    weight = site.once("weight", lambda: site.module.weight)
    return through_convolution(site.change(), site.module, weight)


def linear(site: Site) -> Change:
    """Of one input only its column of the weight."""
    change: Change = site.change()
    weight = site.module.weight
    if change.channels is None or change.dim != change.values.dim() - 1:
        return site.spread().map(lambda values: F.linear(values, weight))
    columns = weight.index_select(1, change.channels).transpose(0, 1)  # (F, out)
    columns = columns.view(change.variants, *[1] * (change.values.dim() - 1), -1)
    return Change((change.by_variant() * columns).flatten(0, 1), change.variants)


def layer_norm(site: Site) -> Change:
    """As a module: mean and variance with the change, in closed form."""
    module = site.module
    return _normalised(site, len(module.normalized_shape), module.weight, module.eps)


def layer_norm_function(site: Site) -> Change:
    """As a function."""
    shape, weight, eps = (
        site.setting(1, "normalized_shape"),
        site.setting(2, "weight"),
        site.setting(4, "eps", 1e-5),
    )
    return _normalised(site, len(shape), weight, eps)


def _normalised(site: Site, axes: int, weight: Tensor | None, eps: float) -> Change:
    parts = site.once("parts", lambda: differences.layer_norm_parts(site.base(), axes))
    return site.spread().through(
        lambda c, v, d: differences.layer_norm_change(d, c, v, axes, weight, eps), *parts
    )

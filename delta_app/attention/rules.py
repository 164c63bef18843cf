"""How a change runs through each operation that torchvision's networks are made of.

A rule takes the changes of an operation's inputs and gives that of its output. What has no rule
is computed twice and subtracted: right, but of fewer digits (`Site.by_subtraction`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torchvision.ops import stochastic_depth

from delta_app.attention import differences
from delta_app.attention.change import Change
from delta_app.attention.convolution import through_convolution
from delta_app.attention.site import Site


@dataclass(frozen=True)
class Rule:
    """How to compute an operation's change.

    Attributes:
        change: of the output, from those of the inputs; a tuple where the output is one.
        needs_inputs: whether the intact inputs are looked at, and must be kept.
    """

    change: Callable[[Site], Any]
    needs_inputs: bool = False


# Operations that are linear in each channel


def _kept(site: Site) -> Any:
    return site.change()


def _apart(site: Site) -> Change:
    change: Change = site.change()
    return change.map(site.again)


def _batch_norm(site: Site) -> Change:
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


# Operations that mix channels


def _convolution(site: Site) -> Change:
    """`once` may hold another weight already: one that takes in the BatchNorm behind."""
    weight = site.once("weight", lambda: site.module.weight)
    return through_convolution(site.change(), site.module, weight)


def _linear(site: Site) -> Change:
    change: Change = site.change()
    weight = site.module.weight
    if change.channels is None or change.dim != change.values.dim() - 1:
        return site.spread().map(lambda values: F.linear(values, weight))
    columns = weight.index_select(1, change.channels).transpose(0, 1)  # (F, out)
    columns = columns.view(change.variants, *[1] * (change.values.dim() - 1), -1)
    return Change((change.by_variant() * columns).flatten(0, 1), change.variants)


def _layer_norm(site: Site) -> Change:
    module = site.module
    return _normalised(site, len(module.normalized_shape), module.weight, module.eps)


def _layer_norm_function(site: Site) -> Change:
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


# Operations on each element or window


def _curved(parts: Callable[[Tensor], differences.Parts], function: Callable[..., Tensor]) -> Rule:
    """What is needed of the intact value is made once for all variants."""

    def change(site: Site) -> Change:
        made = site.once("parts", lambda: parts(site.base()))
        changed: Change = site.change()
        return changed.through(lambda *values: function(values[-1], *values[:-1]), *made)

    return Rule(change, needs_inputs=True)


def _clamp(low: float, high: float | None) -> Rule:
    """ReLU, ReLU6."""
    return _curved(lambda x: differences.clamp_parts(x, low, high), differences.clamp_change)


def _max_pool(settings: Callable[[Site], dict[str, Any]]) -> Rule:
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


def _pool_of_module(site: Site) -> dict[str, Any]:
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    return {name: getattr(site.module, name) for name in names}


def _pool_of_function(site: Site) -> dict[str, Any]:
    defaults = {"kernel_size": None, "stride": None, "padding": 0, "dilation": 1}
    defaults |= {"ceil_mode": False}
    return {
        name: site.setting(place, name, default)
        for place, (name, default) in enumerate(defaults.items(), 1)
    }


# Operations on several values


def _add(site: Site) -> Change:
    one, other = site.change(0), site.change(1)
    if one is not None and other is not None:
        if one.channels is None or one.channels is not other.channels:
            one, other = site.spread(0), site.spread(1)
        return replace(one, values=one.values + other.values)
    place = 0 if other is None else 1
    if site.shape(place) == site.shape_of(site.node):
        changed: Change = site.change(place)
        return changed
    wide = site.spread(place)  # broadcast over the part that stays
    shape = (wide.values.shape[0], *site.shape_of(site.node)[1:])
    return wide.map(lambda values: values.expand(shape))


def _multiply(site: Site) -> Change:
    one, other = site.change(0), site.change(1)
    if one is not None and other is not None:
        dx, dy = site.spread(0), site.spread(1)
        x, y = site.base(0).unsqueeze(0), site.base(1).unsqueeze(0)
        values = differences.product(x, dx.by_variant(), y, dy.by_variant())
        return Change(values.flatten(0, 1), dx.variants)
    place = 0 if other is None else 1
    change: Change = site.change(place)
    factor = site.base(1 - place)
    if not isinstance(factor, Tensor):
        return change.map(lambda values: values * factor)
    if factor.dim() < change.values.dim():  # a parameter: the same for every picture
        factor = factor.view(*[1] * (change.values.dim() - factor.dim()), *factor.shape)
    if change.channels is not None:
        sizes = list(factor.shape)
        sizes[change.dim] = site.shape(place)[change.dim]
        factor = factor.expand(sizes)
    return change.through(lambda y, d: y * d, factor)


def _concatenate(site: Site) -> Change:
    parts, dim = site.parts(), site.setting(1, "dim", 0)
    changes = [site.change_of(part) for part in parts]
    changed = [change for change in changes if change is not None]
    if len(changed) == 1 and changed[0].channels is not None and changed[0].dim == dim:
        before = sum(site.shape_of(p)[dim] for p in parts[: changes.index(changed[0])])
        return replace(changed[0], channels=changed[0].channels + before)
    rows = changed[0].values.shape[0]
    columns = []
    for part, change in zip(parts, changes, strict=True):
        shape = site.shape_of(part)
        if change is None:
            columns.append(changed[0].values.new_zeros((rows, *shape[1:])))
        else:
            columns.append(change.spread(shape).values)
    return Change(torch.cat(columns, dim), changed[0].variants)


# Operations that move elements


def _flatten(site: Site) -> Change:
    """A channel of one element stays one where all axes but the pictures' are joined."""
    change: Change = site.change()
    shape = site.shape()
    to_rows = len(site.shape_of(site.node)) == 2
    if change.channels is None or not to_rows or change.dim != 1 or shape[2:].numel() != 1:
        change = site.spread()
    return change.map(site.again)


def _permute(site: Site) -> Change:
    settings = site.settings() or [site.setting(1, "dims")]
    dims = list(settings[0]) if isinstance(settings[0], (list, tuple)) else settings
    change: Change = site.change()
    dims = [dim % len(dims) for dim in dims]
    dim = change.dim if change.channels is None else dims.index(change.dim)
    return replace(change, values=change.values.permute(dims), dim=dim)


def _mean(site: Site) -> Change:
    """Over axes behind the channels each channel keeps to itself."""
    dims = site.setting(1, "dim")
    change: Change = site.change()
    over = (dims,) if isinstance(dims, int) else tuple(dims)
    if change.channels is not None and min(over) <= change.dim:
        change = site.spread()
    return change.map(site.again)


def _view(site: Site) -> Change:
    """Pictures stay along the first axis."""
    sizes = site.settings()
    if isinstance(sizes[0], (tuple, list)):
        sizes = list(sizes[0])
    return site.spread().map(lambda values: values.reshape(-1, *sizes[1:]))


def _moved(site: Site) -> Change:
    return site.spread().map(site.again)


def _chunk(site: Site) -> tuple[Change, ...]:
    wide = site.spread()
    return tuple(replace(wide, values=piece) for piece in site.again(wide.values))


def _pick(site: Site) -> Any:
    """One of several values, or a part of one for every picture."""
    change = site.change()
    return change[site.setting(1, "")] if isinstance(change, tuple) else _moved(site)


_KEPT = Rule(_kept)
_APART = Rule(_apart)
_BY_SUBTRACTION = Rule(Site.by_subtraction, needs_inputs=True)
_PLAIN_POOL = _max_pool(_pool_of_module)

_MODULES: dict[type[nn.Module], Rule] = {
    nn.Conv2d: Rule(_convolution),
    nn.BatchNorm2d: Rule(_batch_norm),
    nn.Linear: Rule(_linear),
    nn.LayerNorm: Rule(_layer_norm, needs_inputs=True),
    nn.ReLU: _clamp(0.0, None),
    nn.ReLU6: _clamp(0.0, 6.0),
    nn.SiLU: _curved(differences.silu_parts, differences.silu_change),
    nn.Sigmoid: _curved(differences.sigmoid_parts, differences.sigmoid_change),
    nn.Hardswish: _curved(differences.hardswish_parts, differences.hardswish_change),
    nn.Hardsigmoid: _curved(differences.hardsigmoid_parts, differences.hardsigmoid_change),
    nn.GELU: _curved(differences.gelu_parts, differences.gelu_change),
    nn.MaxPool2d: _PLAIN_POOL,
    nn.AvgPool2d: _APART,
    nn.AdaptiveAvgPool2d: _APART,
    nn.Flatten: Rule(_flatten),
    nn.Dropout: _KEPT,
    nn.Identity: _KEPT,
}
_FUNCTIONS: dict[Any, Rule] = {
    F.relu: _clamp(0.0, None),
    torch.relu: _clamp(0.0, None),
    F.layer_norm: Rule(_layer_norm_function, needs_inputs=True),
    F.max_pool2d: _max_pool(_pool_of_function),
    F.avg_pool2d: _APART,
    F.adaptive_avg_pool2d: _APART,
    F.dropout: _KEPT,
    stochastic_depth: _KEPT,
    torch.flatten: Rule(_flatten),
    torch.permute: Rule(_permute),
    torch.transpose: Rule(_moved),
    torch.cat: Rule(_concatenate),
    operator.add: Rule(_add),
    operator.mul: Rule(_multiply, needs_inputs=True),
    operator.getitem: Rule(_pick),
}
_METHODS: dict[str, Rule] = {
    "contiguous": _KEPT,
    "flatten": Rule(_flatten),
    "permute": Rule(_permute),
    "mean": Rule(_mean),
    "view": Rule(_view),
    "chunk": Rule(_chunk),
}


def rule_for(node: fx.Node, module: nn.Module | None) -> Rule:
    """The rule of an operation of a network in eval mode; subtraction where there is none."""
    by_place: set[fx.Node] = set()
    fx.node.map_arg(node.args, by_place.add)
    if set(node.all_input_nodes) != by_place:
        return _BY_SUBTRACTION  # rules do not look for values by name
    if module is not None:
        rule = _MODULES.get(type(module), _BY_SUBTRACTION)
        return rule if _as_the_rule_takes_it(module) else _BY_SUBTRACTION
    if node.op == "call_method":
        return _METHODS.get(str(node.target), _BY_SUBTRACTION)
    return _FUNCTIONS.get(node.target, _BY_SUBTRACTION)


def _as_the_rule_takes_it(module: nn.Module) -> bool:
    """Whether a module is set as its rule expects."""
    match module:
        case nn.Conv2d():
            return module.padding_mode == "zeros" and not isinstance(module.padding, str)
        case nn.BatchNorm2d():
            return module.running_var is not None
        case nn.GELU():
            return module.approximate == "none"
        case nn.MaxPool2d():
            return not module.return_indices
    return True

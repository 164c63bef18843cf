"""Which rule each operation has."""

from __future__ import annotations

import operator
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn
from torchvision.ops import stochastic_depth

from delta_app.attention import differences
from delta_app.attention.graph import output_of_block
from delta_app.attention.rules.apart import apart, batch_norm, kept
from delta_app.attention.rules.curved import clamp, curved
from delta_app.attention.rules.joining import add, concatenate, multiply
from delta_app.attention.rules.mixing import convolution, layer_norm, layer_norm_function, linear
from delta_app.attention.rules.moving import chunk, flatten, mean, moved, permute, pick, view
from delta_app.attention.rules.pooling import max_pool, pool_of_function, pool_of_module
from delta_app.attention.rules.rule import Rule
from delta_app.attention.site import Site

_KEPT = Rule(kept)
_APART = Rule(apart)
_BY_SUBTRACTION = Rule(Site.by_subtraction, needs_inputs=True)
_PLAIN_POOL = max_pool(pool_of_module)

_MODULES: dict[type[nn.Module], Rule] = {
    nn.Conv2d: Rule(convolution),
    nn.BatchNorm2d: Rule(batch_norm),
    nn.Linear: Rule(linear),
    nn.LayerNorm: Rule(layer_norm, needs_inputs=True),
    nn.ReLU: clamp(0.0, None),
    nn.ReLU6: clamp(0.0, 6.0),
    nn.SiLU: curved(differences.silu_parts, differences.silu_change),
    nn.Sigmoid: curved(differences.sigmoid_parts, differences.sigmoid_change),
    nn.Hardswish: curved(differences.hardswish_parts, differences.hardswish_change),
    nn.Hardsigmoid: curved(differences.hardsigmoid_parts, differences.hardsigmoid_change),
    nn.GELU: curved(differences.gelu_parts, differences.gelu_change),
    nn.MaxPool2d: _PLAIN_POOL,
    nn.AvgPool2d: _APART,
    nn.AdaptiveAvgPool2d: _APART,
    nn.Flatten: Rule(flatten),
    nn.Dropout: _KEPT,
    nn.Identity: _KEPT,
}
_FUNCTIONS: dict[Any, Rule] = {
    F.relu: clamp(0.0, None),
    torch.relu: clamp(0.0, None),
    F.layer_norm: Rule(layer_norm_function, needs_inputs=True),
    F.max_pool2d: max_pool(pool_of_function),
    F.avg_pool2d: _APART,
    F.adaptive_avg_pool2d: _APART,
    F.dropout: _KEPT,
    stochastic_depth: _KEPT,
    output_of_block: _KEPT,
    torch.flatten: Rule(flatten),
    torch.permute: Rule(permute),
    torch.transpose: Rule(moved),
    torch.cat: Rule(concatenate),
    operator.add: Rule(add),
    operator.mul: Rule(multiply, needs_inputs=True),
    operator.getitem: Rule(pick),
}
_METHODS: dict[str, Rule] = {
    "contiguous": _KEPT,
    "flatten": Rule(flatten),
    "permute": Rule(permute),
    "mean": Rule(mean),
    "view": Rule(view),
    "chunk": Rule(chunk),
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

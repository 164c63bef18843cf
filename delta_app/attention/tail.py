"""Run only what lies after a layer, and of that only the change, for many variants at once.

Disabling a filter changes the output of its own layer; whatever does not depend on that output is
the same as in the intact network and is computed once. torch.fx gives the graph, `rules` say how a
change runs through each operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn

from delta_app.attention.change import Change, channel_axis, disabled
from delta_app.attention.graph import dependents, trace
from delta_app.attention.rules.apart import batch_norm_factor
from delta_app.attention.rules.mixing import convolution
from delta_app.attention.rules.table import rule_for
from delta_app.attention.site import Site


class LayerTails:
    """The tails of one network: from each behaviour layer's output to the logits.

    Args:
        model: a network in eval mode; it is read, not changed.
        layers: names of the layers whose outputs change.

    Raises:
        NotTraceable: torch.fx cannot follow the network, or a layer is not called exactly once.
    """

    def __init__(self, model: nn.Module, layers: tuple[str, ...]) -> None:
        self.graph_module, self.starts = trace(model, layers)
        graph = self.graph_module.graph
        self.axes = {layer: channel_axis(model.get_submodule(layer)) for layer in layers}
        behind = {layer: dependents(node) for layer, node in self.starts.items()}
        self.after = {
            layer: [n for n in graph.nodes if n in found] for layer, found in behind.items()
        }
        self.last_uses = {layer: _last_uses(nodes) for layer, nodes in self.after.items()}
        changed = set().union(*behind.values())
        self.modules = {
            n: model.get_submodule(str(n.target)) for n in changed if n.op == "call_module"
        }
        self.rules = {n: rule_for(n, self.modules.get(n)) for n in changed if n.op != "output"}
        self.norms = self._norms_behind_convolutions()
        self.convolutions = {norm: conv for conv, norm in self.norms.items()}
        self.by_picture = set().union(
            *(dependents(n) | {n} for n in graph.nodes if n.op == "placeholder")
        )
        looked_at = (n for n, rule in self.rules.items() if rule.needs_inputs)
        self.wanted = {used for n in looked_at for used in n.all_input_nodes}
        self.wanted |= set(self.starts.values())

    def start(self, images: Tensor) -> IntactRun:
        """Run the intact network once and keep what the tails need."""
        return IntactRun(self, images)

    def _norms_behind_convolutions(self) -> dict[fx.Node, fx.Node]:
        """Convolution -> the BatchNorm that alone hears of it, so that one weight does for both."""
        found: dict[fx.Node, fx.Node] = {}
        for node, module in self.modules.items():
            before = node.args[0]
            if (
                isinstance(module, nn.BatchNorm2d)
                and module.running_var is not None
                and isinstance(before, fx.Node)
                and before in self.rules
                and self.rules[before].change is convolution  # another would pass over the weight
                and len(before.users) == 1
            ):
                found[before] = node
        return found


class IntactRun:
    """One batch through the intact network.

    Attributes:
        logits: of the intact network, (N, K).
        outputs: the layers' outputs by name, as the network lays them out.
        largest: elements that the change of one variant had at most, in the last call.
    """

    def __init__(self, tails: LayerTails, images: Tensor) -> None:
        self._tails = tails
        keeping = _Keeping(tails.graph_module, tails.wanted)
        self.logits: Tensor = keeping.run(images)
        self._bases, self._shapes = keeping.kept, keeping.shapes
        self._cache: dict[tuple[fx.Node, str], Any] = {}
        self.outputs: dict[str, Tensor] = {
            layer: self._bases[node] for layer, node in tails.starts.items()
        }
        self.largest = 0

    def without(self, layer: str, filters: Sequence[int]) -> Tensor:
        """How the logits change where each of the filters alone is disabled, (F, N, K)."""
        change = disabled(self.outputs[layer], filters, self._tails.axes[layer])
        return self.logit_changes(layer, change)

    def logit_changes(self, layer: str, change: Change) -> Tensor:
        """How the logits change where the layer's output changes so.

        Returns:
            (F, N, K).
        """
        tails, start = self._tails, self._tails.starts[layer]
        changes: dict[fx.Node, Any] = {start: change}
        self.largest = _elements(change)
        if not tails.after[layer]:  # the layer's output reaches no logit
            return self.logits.new_zeros((change.variants, *self.logits.shape))
        *operations, end = tails.after[layer]
        for node in operations:
            if node not in self._shapes and node in self._bases:
                continue  # a size, say: no variant changes it
            conv = tails.convolutions.get(node)
            if conv is not None and conv is not start:
                changes[node] = changes[conv]  # the convolution's weight took it in
            else:
                changes[node] = tails.rules[node].change(self._site(node, changes))
            self.largest = max(self.largest, _elements(changes[node]))
            for used in tails.last_uses[layer].get(node, ()):
                changes.pop(used, None)
        found: Change = changes[end.all_input_nodes[0]]
        return found.spread(self.logits.shape).by_variant()

    def _site(self, node: fx.Node, changes: dict[fx.Node, Any]) -> Site:
        tails, module = self._tails, self._tails.modules.get(node)
        site = Site(node, module, self._bases, self._shapes, tails.by_picture, self._cache, changes)
        norm = tails.modules[tails.norms[node]] if node in tails.norms else None
        if isinstance(norm, nn.BatchNorm2d):
            site.once(
                "weight", lambda: site.module.weight * batch_norm_factor(norm).view(-1, 1, 1, 1)
            )
        return site


class _Keeping(fx.Interpreter):
    """Runs the whole graph; keeps chosen values, all that are no tensors, and every shape."""

    def __init__(self, module: fx.GraphModule, wanted: set[fx.Node]) -> None:
        super().__init__(module)
        self._wanted = wanted
        self.kept: dict[fx.Node, Any] = {}
        self.shapes: dict[fx.Node, torch.Size] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if isinstance(value, Tensor):
            self.shapes[n] = value.shape
            if n in self._wanted:
                # A copy: the network may go on to change it in place (DenseNet rectifies so).
                self.kept[n] = value.clone()
        elif not _holds_tensors(value):
            self.kept[n] = value
        return value


def _last_uses(nodes: Sequence[fx.Node]) -> dict[fx.Node, list[fx.Node]]:
    """Node -> what no later one of these needs."""
    last = {used: node for node in nodes for used in node.all_input_nodes}
    found: dict[fx.Node, list[fx.Node]] = {}
    for used, node in last.items():
        found.setdefault(node, []).append(used)
    return found


def _elements(change: Any) -> int:
    """That the change of one variant has."""
    if isinstance(change, Change):
        return change.values.numel() // change.variants
    return sum(map(_elements, change))


def _holds_tensors(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(map(_holds_tensors, value))
    return isinstance(value, Tensor)

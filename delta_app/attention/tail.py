"""Run only what lies after a layer, for many variants of its output at once.

Disabling a filter changes the output of its own layer; whatever does not depend on that
output is the same as for the intact network and is computed once. torch.fx gives the graph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn


class NotTraceable(Exception):
    """torch.fx cannot follow the network's forward pass."""


class _Tracer(fx.Tracer):
    """Keeps the behaviour layers whole, so that their outputs are nodes of the graph."""

    def __init__(self, whole: frozenset[str]) -> None:
        super().__init__()
        self._whole = whole

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return module_qualified_name in self._whole or super().is_leaf_module(
            m, module_qualified_name
        )


class LayerTails:
    """The tails of one network: from each behaviour layer's output to the logits.

    Args:
        model: a network in eval mode; it is read, not changed.
        layers: names of the layers whose outputs are replaced.

    Raises:
        NotTraceable: torch.fx cannot follow the network, or a layer is not called exactly once.
    """

    def __init__(self, model: nn.Module, layers: tuple[str, ...]) -> None:
        tracer = _Tracer(frozenset(layers))
        try:
            graph = tracer.trace(model)
        except Exception as error:  # whatever a forward pass may raise on proxies
            raise NotTraceable(str(error)) from error
        self._module = fx.GraphModule(tracer.root, graph)
        self._nodes = {}
        for layer in layers:
            calls = [n for n in graph.nodes if n.op == "call_module" and n.target == layer]
            if len(calls) != 1:
                raise NotTraceable(f"{layer} is called {len(calls)} times")
            self._nodes[layer] = calls[0]
        self._after = {layer: _dependents(node) for layer, node in self._nodes.items()}
        self._from_input = set().union(
            *(_dependents(n) for n in graph.nodes if n.op == "placeholder")
        )

    def start(self, images: Tensor) -> IntactRun:
        """Run the intact network once and keep what the tails need."""
        return IntactRun(self, images)


class IntactRun:
    """One batch through the intact network.

    Attributes:
        logits: of the intact network, (N, K).
        outputs: the layers' outputs by name, as the network lays them out.
    """

    def __init__(self, tails: LayerTails, images: Tensor) -> None:
        self._tails = tails
        self._pictures = images.shape[0]
        wanted = {
            used
            for after in tails._after.values()
            for node in after
            for used in node.all_input_nodes
            if used not in after
        } | set(tails._nodes.values())
        self._kept, self.logits = _Keeping(tails._module, wanted).run_keeping(images)
        self.outputs: dict[str, Tensor] = {
            layer: self._kept[node] for layer, node in tails._nodes.items()
        }

    def logits_after(self, layer: str, outputs: Tensor, variants: int) -> Tensor:
        """Logits where the layer put out something else.

        Args:
            layer: one of the layers.
            outputs: (variants * N, ...): the layer's output for all N pictures of the batch,
                variant after variant.
            variants: how many there are.

        Returns:
            (variants, N, K).
        """
        tails, node = self._tails, self._tails._nodes[layer]
        after = tails._after[layer]
        given: dict[fx.Node, Any] = {node: outputs}
        for used in {u for n in after for u in n.all_input_nodes} - after - {node}:
            value = self._kept[used]
            if used in tails._from_input:
                value = _map_tensors(value, lambda t: _repeat(t, self._pictures, variants))
            given[used] = value
        logits = _TailOnly(tails._module, given, after).run_tail()
        return logits.unflatten(0, (variants, self._pictures))


class _Keeping(fx.Interpreter):
    """Runs the whole graph and keeps the values of chosen nodes."""

    def __init__(self, module: fx.GraphModule, wanted: set[fx.Node]) -> None:
        super().__init__(module)
        self._wanted = wanted
        self._values: dict[fx.Node, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n in self._wanted:
            # A copy: the network may go on to change it in place (DenseNet rectifies so).
            self._values[n] = _map_tensors(value, Tensor.clone)
        return value

    def run_keeping(self, images: Tensor) -> tuple[dict[fx.Node, Any], Tensor]:
        output = self.run(images)
        return self._values, output


class _TailOnly(fx.Interpreter):
    """Runs the nodes after a layer from given values."""

    def __init__(
        self, module: fx.GraphModule, given: dict[fx.Node, Any], after: set[fx.Node]
    ) -> None:
        super().__init__(module)
        self._given = given
        self._after = after
        self._graph = module.graph

    def run_tail(self) -> Tensor:
        self.env = dict(self._given)
        output: Any = None
        for node in self._graph.nodes:
            if node not in self._after:
                continue
            self.env[node] = self.run_node(node)
            for used in self.user_to_last_uses.get(node, []):
                self.env.pop(used, None)
            if node.op == "output":
                output = self.env[node]
        return output


def _dependents(node: fx.Node) -> set[fx.Node]:
    """Every node that depends on this one, without itself."""
    found: set[fx.Node] = set()
    waiting = list(node.users)
    while waiting:
        user = waiting.pop()
        if user not in found:
            found.add(user)
            waiting.extend(user.users)
    return found


def _map_tensors(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    return fx.node.map_aggregate(value, lambda v: change(v) if isinstance(v, Tensor) else v)


def _repeat(tensor: Tensor, pictures: int, variants: int) -> Tensor:
    """Copies of a batch behind one another; anything else as it is."""
    if tensor.dim() == 0 or tensor.shape[0] != pictures:
        return tensor
    copies = tensor.unsqueeze(0).expand(variants, *tensor.shape).reshape(-1, *tensor.shape[1:])
    if tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last):
        return copies.contiguous(memory_format=torch.channels_last)
    return copies

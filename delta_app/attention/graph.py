"""A network's graph by torch.fx, in which the outputs of chosen layers are nodes."""

from __future__ import annotations

import threading
from typing import Any

from torch import Tensor, fx, nn

_one_at_a_time = threading.Lock()
"""A trace replaces `nn.Module.__call__` in the whole process until it is over; two that overlap
would leave it replaced."""


class NotTraceable(Exception):
    """torch.fx cannot follow the network's forward pass."""


def output_of_block(value: Tensor) -> Tensor:
    """The value itself: marks in a graph what a layer of several operations puts out."""
    return value


class _Tracer(fx.Tracer):
    """Notes what the chosen layers put out, and lets other threads run their networks meanwhile."""

    def __init__(self, layers: tuple[str, ...]) -> None:
        super().__init__()
        self._layers = layers
        self._thread = threading.get_ident()
        self.outputs: dict[str, list[fx.Node]] = {layer: [] for layer in layers}

    def call_module(
        self, m: nn.Module, forward: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """As torch.fx does it, with a node for what each chosen layer puts out."""
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        name = self.path_of_module(m)
        result = super().call_module(m, forward, args, kwargs)
        if name in self.outputs:
            if not self.is_leaf_module(m, name):
                result = self.create_proxy("call_function", output_of_block, (result,), {})
            self.outputs[name].append(result.node)
        return result

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """As torch.fx does it, for the thread that traces."""
        if threading.get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)


def trace(model: nn.Module, layers: tuple[str, ...]) -> tuple[fx.GraphModule, dict[str, fx.Node]]:
    """The graph, and the node of each layer's output.

    Args:
        model: read, not changed; meanwhile other threads may run any network but this one.
        layers: names of the layers whose outputs are nodes.

    Raises:
        NotTraceable: torch.fx cannot follow the network, or a layer is not called exactly once.
    """
    with _one_at_a_time:
        tracer = _Tracer(layers)
        try:
            graph = tracer.trace(model)
        except Exception as error:  # whatever a forward pass may raise on proxies
            raise NotTraceable(str(error)) from error
    for layer, outputs in tracer.outputs.items():
        if len(outputs) != 1:
            raise NotTraceable(f"{layer} is called {len(outputs)} times")
    return fx.GraphModule(tracer.root, graph), {n: found[0] for n, found in tracer.outputs.items()}


def dependents(node: fx.Node) -> set[fx.Node]:
    """Every node that depends on this one, without itself."""
    found: set[fx.Node] = set()
    waiting = list(node.users)
    while waiting:
        user = waiting.pop()
        if user not in found:
            found.add(user)
            waiting.extend(user.users)
    return found

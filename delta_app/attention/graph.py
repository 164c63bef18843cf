"""A network's graph by torch.fx, in which chosen layers are whole nodes."""

from __future__ import annotations

from torch import fx, nn


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


def trace(model: nn.Module, layers: tuple[str, ...]) -> tuple[fx.GraphModule, dict[str, fx.Node]]:
    """The graph, and the node of each layer.

    Args:
        model: read, not changed.
        layers: names of the layers that are nodes.

    Raises:
        NotTraceable: torch.fx cannot follow the network, or a layer is not called exactly once.
    """
    tracer = _Tracer(frozenset(layers))
    try:
        graph = tracer.trace(model)
    except Exception as error:  # whatever a forward pass may raise on proxies
        raise NotTraceable(str(error)) from error
    nodes = {}
    for layer in layers:
        calls = [n for n in graph.nodes if n.op == "call_module" and n.target == layer]
        if len(calls) != 1:
            raise NotTraceable(f"{layer} is called {len(calls)} times")
        nodes[layer] = calls[0]
    return fx.GraphModule(tracer.root, graph), nodes


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

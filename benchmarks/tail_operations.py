"""How much of a network's arithmetic lies after its behaviour layers.

One filter disabled by a full forward costs all multiplications of the network. What must be done
is the tail's alone, and in the first layer that mixes channels one input channel's share. The
quotient is the limit that no exact engine passes which treats every filter by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from delta_app.attention.tail import LayerTails


@dataclass(frozen=True)
class Operations:
    """Multiplications for one picture.

    Attributes:
        full: of the whole network.
        after: by layer, of one filter's tail, the first mixing layer's share taken off.
    """

    full: float
    after: dict[str, float]

    def gain(self, layer: str) -> float:
        """A full forward over one filter's tail."""
        return self.full / self.after[layer]

    def limit(self, filters: dict[str, int]) -> float:
        """Full forwards saved: all filters by full forwards over all filters by their tails."""
        total = sum(filters.values()) * self.full
        return total / sum(count * self.after[layer] for layer, count in filters.items())


def count_operations(model: nn.Module, layers: tuple[str, ...], image: Tensor) -> Operations:
    """Count multiplications of convolutions and linear layers, from one forward of one image."""
    tails = LayerTails(model, layers)
    counter = _Counter(tails.graph_module)
    with torch.no_grad():
        counter.run(image)
    confined = {layer: _confined(tails, layer) for layer in layers}
    behind = {layer: set(tails.after[layer]) for layer in layers}
    after = {
        layer: sum(
            work / (counter.channels[node] if node in confined[layer] else 1)
            for node, work in counter.work.items()
            if node in behind[layer]
        )
        for layer in layers
    }
    return Operations(sum(counter.work.values()), after)


class _Counter(fx.Interpreter):
    """Multiplications, and channels of the input, of each convolution and linear layer."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.work: dict[fx.Node, float] = {}
        self.channels: dict[fx.Node, int] = {}

    def run_node(self, n: fx.Node) -> object:
        value = super().run_node(n)
        module = self.fetch_attr(str(n.target)) if n.op == "call_module" else None
        if isinstance(module, nn.Conv2d):
            self.work[n] = value.numel() * module.weight[0].numel()
            self.channels[n] = module.in_channels
        elif isinstance(module, nn.Linear):
            self.work[n] = value.numel() * module.in_features
            self.channels[n] = module.in_features
        return value


def _confined(tails: LayerTails, layer: str) -> set[fx.Node]:
    """The nodes after the layer that hear of a change in one channel only."""
    start = tails.starts[layer]
    narrow, found = {start}, set()
    for node in tails.after[layer]:
        heard = [n for n in node.all_input_nodes if n == start or n in tails.after[layer]]
        if not all(n in narrow for n in heard):
            continue
        found.add(node)
        module = tails.modules.get(node)
        depthwise = isinstance(module, nn.Conv2d) and module.groups == module.in_channels
        if not isinstance(module, nn.Conv2d | nn.Linear | nn.LayerNorm) or depthwise:
            narrow.add(node)
    return found

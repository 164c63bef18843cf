"""Run a network with any set of one layer's filters disabled: what lies before it runs once.

A change of many filters at once is no small one: the rest of the network is run anew, not the
change alone as for the importance of a single filter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor, fx, nn

from delta_app.attention.graph import NotTraceable, dependents, trace

Rest = Callable[[Tensor], Tensor]
"""Which filters are disabled, (C,) bool -> the logits of one batch, (N, K)."""


class Disabling:
    """One layer of a network, whose filters are disabled.

    Disabled means that the filter's channel of the layer's output is zero, a bias included.

    Args:
        model: in eval mode; it is read, not changed.
        layer: its output is (N, C, H, W), or (N, H, W, C) where it is an `nn.Linear`.

    Attributes:
        traced: False where torch.fx cannot cut the network behind the layer, and every set of
            filters pays a full forward pass.
        operations: that lie behind the layer, 1 where that is not known: what a set costs beside
            a set of another layer.
    """

    def __init__(self, model: nn.Module, layer: str) -> None:
        self._model = model
        self._module = model.get_submodule(layer)
        self._cut = _cut_behind(model, layer)
        self.traced = self._cut is not None
        self.operations = 1 if self._cut is None else self._cut.operations

    def start(self, images: Tensor) -> Rest:
        """Run what no filter of the layer reaches, once; the rest is run as often as one likes."""
        if self._cut is None:
            return partial(self._full_forward, images)
        return partial(self._rest, self._cut, self._cut.before(images))

    def _rest(self, cut: _Cut, before: Mapping[fx.Node, Any], disabled: Tensor) -> Tensor:
        return cut.after(before, self._without(before[cut.start], disabled))

    def _full_forward(self, images: Tensor, disabled: Tensor) -> Tensor:
        with self._module.register_forward_hook(lambda m, i, o: self._without(o, disabled)):
            logits: Tensor = self._model(images)
        return logits

    def _without(self, output: Tensor, disabled: Tensor) -> Tensor:
        # ConvNeXt's linear layers put out (N, H, W, C), all else (N, C, H, W).
        shape = (-1,) if isinstance(self._module, nn.Linear) else (-1, 1, 1)
        return output.masked_fill(disabled.view(shape), 0)


class _Cut:
    """A network's graph in two parts: what depends on one layer's output, and all else."""

    def __init__(self, module: fx.GraphModule, start: fx.Node) -> None:
        self.start = start
        self._after = dependents(start)
        used = {node for each in self._after for node in each.all_input_nodes}
        self._needed = (used | {start}) - self._after
        self.operations = len(self._after)
        self._module = module
        self._interpreter = fx.Interpreter(module)
        self._not_run = dict.fromkeys(n for n in module.graph.nodes if n not in self._after)

    def before(self, images: Tensor) -> Mapping[fx.Node, Any]:
        """The values that the part behind needs, the layer's output among them."""
        keeping = _Keeping(self._module, self._needed)
        keeping.run(images, initial_env=dict.fromkeys(self._after))
        return keeping.kept

    def after(self, before: Mapping[fx.Node, Any], output: Tensor) -> Tensor:
        """The logits where the layer puts out `output`."""
        # Copies: the network may go on to change a value in place.
        copies = {
            node: value.clone() if isinstance(value, Tensor) else value
            for node, value in before.items()
            if node is not self.start
        }
        known = self._not_run | copies | {self.start: output}
        logits: Tensor = self._interpreter.run(initial_env=known)
        return logits


class _Keeping(fx.Interpreter):
    """Runs a graph and keeps some nodes' values."""

    def __init__(self, module: fx.GraphModule, wanted: set[fx.Node]) -> None:
        super().__init__(module)
        self._wanted = wanted
        self.kept: dict[fx.Node, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n in self._wanted:
            self.kept[n] = value
        return value


def _cut_behind(model: nn.Module, layer: str) -> _Cut | None:
    """None where torch.fx cannot follow the network, or the layer is not called exactly once."""
    try:
        module, nodes = trace(model, (layer,))
    except NotTraceable:
        return None
    return _Cut(module, nodes[layer])

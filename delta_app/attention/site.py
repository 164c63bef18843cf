"""One operation of a network's graph, as a rule for changes sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn

from delta_app.attention.change import Change


class Site:
    """An operation with the intact values and the changes of what goes into it.

    Args:
        node: of the graph.
        module: the module called; None for functions and methods.
        bases: intact values by node, (N, ...) where they depend on the pictures; as many as the
            rule said that it needs, and all that are no tensors.
        shapes: of every tensor in the intact network.
        by_picture: the nodes whose values have a row a picture.
        cache: kept from one set of variants to the next.
        changes: by node; what is not there is unchanged.
    """

    def __init__(
        self,
        node: fx.Node,
        module: nn.Module | None,
        bases: Mapping[fx.Node, Any],
        shapes: Mapping[fx.Node, torch.Size],
        by_picture: set[fx.Node],
        cache: dict[tuple[fx.Node, str], Any],
        changes: Mapping[fx.Node, Any],
    ) -> None:
        self.node = node
        self.module: Any = module
        self._bases = bases
        self._shapes = shapes
        self._by_picture = by_picture
        self._cache = cache
        self._changes = changes

    def change(self, place: int = 0) -> Any:
        """The change of an argument (several of one that is a tuple); None where unchanged."""
        return self.change_of(self._given(place))

    def change_of(self, node: Any) -> Any:
        return self._changes.get(node) if isinstance(node, fx.Node) else None

    def base(self, place: int = 0) -> Any:
        """An argument in the intact network."""
        return self._resolved(self._given(place))

    def shape(self, place: int = 0) -> torch.Size:
        """The intact shape of an argument that is a tensor."""
        return self.shape_of(self._given(place))

    def shape_of(self, node: Any) -> torch.Size:
        return self._shapes[node]

    def spread(self, place: int = 0) -> Change:
        """The change of an argument with all its channels."""
        change: Change = self.change(place)
        return change.spread(self.shape(place))

    def setting(self, place: int, name: str, default: Any = None) -> Any:
        """An argument beside the tensors, by place or name."""
        if place < len(self.node.args):
            return self._resolved(self.node.args[place])
        return self._resolved(self.node.kwargs.get(name, default))

    def settings(self) -> list[Any]:
        """All arguments after the first."""
        return [self._resolved(argument) for argument in self.node.args[1:]]

    def parts(self) -> list[Any]:
        """The values that the first argument lists."""
        listed = self._given(0)
        assert isinstance(listed, (list, tuple))
        return list(listed)

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """Something made of intact values, kept for the variants that follow."""
        place = (self.node, key)
        if place not in self._cache:
            self._cache[place] = make()
        return self._cache[place]

    def again(self, first: Tensor) -> Any:
        """The operation itself on another first argument."""
        arguments = [first, *self.settings()]
        named = {name: self._resolved(value) for name, value in self.node.kwargs.items()}
        return self._call(arguments, named)

    def by_subtraction(self) -> Any:
        """The change of any operation: computed intact and changed, and subtracted.

        Right for whatever is computed picture by picture, but of fewer digits than a rule.
        """
        variants = next(c.variants for c in self._all_changes())

        def changed(node: fx.Node) -> Any:
            value, change = self._bases[node], self._changes.get(node)
            if change is None:
                if node not in self._by_picture or not isinstance(value, Tensor):
                    return value
                return value.unsqueeze(0).expand(variants, *value.shape).flatten(0, 1)
            wide = change.spread(value.shape)
            return (value.unsqueeze(0) + wide.by_variant()).flatten(0, 1)

        def intact(node: fx.Node) -> Any:
            value = self._bases[node]  # a copy: the operation may work in place
            return value.clone() if isinstance(value, Tensor) else value

        before, after = (
            self._call(fx.node.map_arg(self.node.args, see), fx.node.map_arg(self.node.kwargs, see))
            for see in (intact, changed)
        )
        return _difference(before, after, variants)

    def _call(self, arguments: Any, named: Mapping[str, Any]) -> Any:
        if self.module is not None:
            return self.module(*arguments, **named)
        if self.node.op == "call_method":
            return getattr(arguments[0], str(self.node.target))(*arguments[1:], **named)
        assert callable(self.node.target)
        return self.node.target(*arguments, **named)

    def _all_changes(self) -> list[Change]:
        found = (self._changes.get(node) for node in self.node.all_input_nodes)
        return [change for change in found if change is not None]

    def _given(self, place: int) -> Any:
        return self.node.args[place]

    def _resolved(self, argument: Any) -> Any:
        return fx.node.map_arg(argument, lambda node: self._bases[node])


def _difference(before: Any, after: Any, variants: int) -> Any:
    if isinstance(before, Tensor):
        pieces = after.unflatten(0, (variants, -1)) - before.unsqueeze(0)
        return Change(pieces.flatten(0, 1), variants)
    return tuple(_difference(b, a, variants) for b, a in zip(before, after, strict=True))

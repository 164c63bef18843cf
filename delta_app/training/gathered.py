"""Importances as they come in: summed by class and half, and kept by picture where they fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from delta_app.attention.moments import Moments, moments
from delta_app.attention.precision import (
    Estimate,
    combined,
    first_order_helps,
    plain,
    rank_correlation,
    reliability,
    with_mean,
    without_mean,
)

BY_PICTURE_BYTES = 256_000_000
"""Importances, 4 bytes a filter and picture, are kept by picture up to this: ResNet-50's 3,840
filters on 16,000 pictures. The file that holds them is as large."""


@dataclass(frozen=True)
class LayerImportance:
    """What is known of one layer's filters.

    Attributes:
        estimate: over all pictures, (C,).
        by_class: over each class's, (K, C).
        reliability: share of the variance between filters that is not noise.
        split_half: rank correlation of the importances from two halves of the pictures.
        first_order_helps: whether both together err less than the measured pictures alone;
            None where no first order was asked for.
    """

    estimate: Estimate
    by_class: Estimate
    reliability: float
    split_half: float
    first_order_helps: bool | None = None


def layer_importance(
    exact: Moments, difference: Moments | None = None, first_order: Moments | None = None
) -> LayerImportance:
    """Estimates, errors and reliability of one layer, from sums alone.

    Args:
        exact: of the measured pictures, by class and random half: (K, 2) and (K, 2, C + 1), the
            last one the mean over the filters.
        difference: the same of exact minus first order, for the combined estimate.
        first_order: of all training pictures, by class and half as well; with `difference`.
    """
    of_class = exact.together(-1)
    total = of_class.together(-1)
    if difference is None or first_order is None:
        found, by_class, helps = plain(total), plain(of_class), None
        base, halves = torch.zeros_like(total.mean), exact.together(0)
    else:
        everywhere, apart = first_order.together(-1), difference.together(-1)
        found = combined(everywhere.together(-1), total, apart.together(-1))
        by_class = combined(everywhere, of_class, apart)
        helps = first_order_helps(without_mean(found), without_mean(plain(total)))
        # Each half rests on the first order of its own pictures: else the halves would agree by it.
        base, halves = first_order.together(0).mean, difference.together(0)
    one, other = (base + halves.mean)[:, :-1]
    told = len(one) > 1 and bool((halves.count > 0).all())
    return LayerImportance(
        without_mean(found),
        without_mean(by_class),
        reliability(found),
        rank_correlation(one, other) if told else math.nan,
        helps,
    )


def random_halves(pictures: int, generator: torch.Generator) -> Tensor:
    """Which half each picture is in, (N,) of 0 and 1: by turns in a random order."""
    halves = torch.empty(pictures, dtype=torch.int64)
    halves[torch.randperm(pictures, generator=generator)] = torch.arange(pictures) % 2
    return halves


def by_class_and_half(values: Tensor, labels: Tensor, halves: Tensor, classes: int) -> Moments:
    """Moments (K, 2) and (K, 2, C + 1) of values by picture and, last, of their mean over filters.

    Args:
        values: (C, N).
        labels, halves: (N,) int64.
        classes: K.
    """
    found = moments(with_mean(values.double()), 2 * labels + halves, 2 * classes)
    shape = (classes, 2)
    return Moments(
        found.count.view(shape), found.mean.view(*shape, -1), found.scatter.view(*shape, -1)
    )


class Gathered:
    """All importances measured so far.

    Args:
        classes: number of classes K.
        halves: which half each training picture is in, (N,) of 0 and 1.
        keep: whether the values are kept by picture.
    """

    def __init__(self, classes: int, halves: Tensor, keep: bool) -> None:
        self._classes = classes
        self._halves = halves
        self._places: list[Tensor] = []
        self._kept: dict[str, list[Tensor]] | None = {} if keep else None
        self._exact: dict[str, Moments] = {}
        self._difference: dict[str, Moments] = {}

    def add(
        self,
        importance: Mapping[str, Tensor],
        labels: Tensor,
        places: Tensor,
        first_order: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Take in pictures that were not measured before.

        Args:
            importance: by layer, (C, N).
            labels, places: (N,) int64 on the CPU: their classes, and their places in the
                training split.
            first_order: of the same pictures, where an estimate needs both.
        """
        groups = (labels, self._halves[places], self._classes)
        self._places.append(places)
        for layer, values in importance.items():
            values = values.cpu()
            if self._kept is not None:
                self._kept.setdefault(layer, []).append(values.float())
            _put(self._exact, layer, by_class_and_half(values, *groups))
            if first_order is not None:
                apart = values - first_order[layer].cpu()
                _put(self._difference, layer, by_class_and_half(apart, *groups))

    def state(self) -> dict[str, Any]:
        """All of it as tensors and plain types, to go on from later."""
        return {
            "places": list(self._places),
            "kept": None if self._kept is None else {n: list(p) for n, p in self._kept.items()},
            "exact": {name: found.state() for name, found in self._exact.items()},
            "difference": {name: found.state() for name, found in self._difference.items()},
        }

    def take_up(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave."""
        self._places = list(state["places"])
        kept = state["kept"]
        self._kept = None if kept is None else {n: list(parts) for n, parts in kept.items()}
        self._exact = {name: Moments(*found) for name, found in state["exact"].items()}
        self._difference = {name: Moments(*found) for name, found in state["difference"].items()}

    @property
    def groups(self) -> int:
        """How often `add` was called."""
        return len(self._places)

    @property
    def pictures(self) -> int:
        """How many were measured."""
        return sum(map(len, self._places))

    def places(self) -> Tensor:
        """Of the measured pictures in the training split, ascending."""
        return torch.cat(self._places).sort().values

    def layers(
        self, first_order: Mapping[str, Moments] | None = None
    ) -> dict[str, LayerImportance]:
        """What is known of each layer.

        Args:
            first_order: of all training pictures by class and half, where `add` was given it too.
        """
        return {
            layer: layer_importance(
                exact, self._difference.get(layer), (first_order or {}).get(layer)
            )
            for layer, exact in self._exact.items()
        }

    def by_picture(self) -> dict[str, Tensor]:
        """(C, n) float32 by layer, in the order of `places`; empty where they were not kept."""
        order = torch.cat(self._places).argsort()
        kept = self._kept or {}
        return {layer: torch.cat(parts, dim=1)[:, order] for layer, parts in kept.items()}


def _put(into: dict[str, Moments], layer: str, more: Moments) -> None:
    into[layer] = into[layer] + more if layer in into else more

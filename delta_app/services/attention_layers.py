"""One behaviour layer of a measurement as the Attention page shows it, at any temperature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from delta_app.attention.artifact import LayerAttention
from delta_app.attention.channel_attention import channel_attention, effective_share
from delta_app.attention.distinguishable import distinguishable, errors_in_95
from delta_app.services.measured_attention import Measurement

Order = Literal["sorted", "filter", "ends"]

LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.5, 50.0
PER_DECADE = 10
"""Steps of the temperature from one power of ten to the next."""


@dataclass(frozen=True)
class LayerView:
    """One layer's filters; every tensor (C,).

    Attributes:
        name: of the behaviour layer.
        measured: importances, errors and how far they can be trusted.
        temperature: what the standardised importances are divided by here; nothing of the
            measurement itself depends on it.
        pictures: on which the errors were measured.
    """

    name: str
    measured: LayerAttention
    temperature: float
    pictures: int

    @property
    def channels(self) -> int:
        return len(self.measured.importance)

    @cached_property
    def attention(self) -> Tensor:
        """W at this temperature, summing to 1."""
        return channel_attention(self.measured.importance, self.temperature)

    @property
    def relative_attention(self) -> Tensor:
        """C * W, 1 where a filter weighs as much as the average."""
        return self.channels * self.attention

    @property
    def effective_share(self) -> float:
        """Share of the filters that would weigh as much if all were alike, exp(entropy) / C."""
        return effective_share(self.attention)

    @cached_property
    def told_from_zero(self) -> Tensor:
        """Which filters' importance is distinguishable from zero, bool."""
        return distinguishable(
            self.measured.importance, self.measured.standard_error, self.pictures
        )

    @property
    def whiskers(self) -> Tensor:
        """To each side of the importance, what holds it with 95 %; not finite where not known."""
        return errors_in_95(self.pictures) * self.measured.standard_error

    @property
    def negative_share(self) -> float:
        """Share of the filters without which the loss falls."""
        return float((self.measured.importance < 0).double().mean())

    @cached_property
    def ranking(self) -> tuple[int, ...]:
        """Filters by falling importance; equal ones in filter order."""
        order = self.measured.importance.argsort(descending=True, stable=True)
        return tuple(order.tolist())

    def rank(self, filter: int) -> int:
        """1 for the most important filter."""
        return 1 + self.ranking.index(filter)


def layer_view(measurement: Measurement, layer: str, temperature: float | None = None) -> LayerView:
    """A layer of a measurement, at the temperature it was measured with where none is named."""
    measured, pictures = measurement.found.layers[layer], len(measurement.found.pictures)
    return LayerView(layer, measured, temperature or measurement.temperature, pictures)


def temperatures(own: float) -> tuple[float, ...]:
    """What the temperature can be set to: 0.5 to 50 in even steps of its logarithm, and `own`."""
    ends = torch.tensor([LEAST_TEMPERATURE, MOST_TEMPERATURE], dtype=torch.float64).log10()
    steps = 1 + round(float(ends[1] - ends[0]) * PER_DECADE)
    values = torch.logspace(float(ends[0]), float(ends[1]), steps, dtype=torch.float64).tolist()
    return tuple(sorted({float(f"{value:.2g}") for value in values} | {own}))


def drawn_filters(view: LayerView, order: Order, at_each_end: int) -> tuple[int, ...]:
    """Which filters a chart has, from left to right.

    Args:
        order: by falling importance, as they stand in the layer, or only the most and the
            least important.
        at_each_end: how many of these.
    """
    if order == "filter":
        return tuple(range(view.channels))
    if order == "ends" and 2 * at_each_end < view.channels:
        return view.ranking[:at_each_end] + view.ranking[-at_each_end:]
    return view.ranking


def first_filters(filters: Sequence[int], chosen: int, most: int) -> tuple[int, ...]:
    """As many of the filters as can be read as columns, the chosen one always among them.

    The first of them; where the chosen one stands further right, those around it.
    """
    place = filters.index(chosen) if chosen in filters else 0
    if place < most:
        return tuple(filters[:most])
    start = min(place - most // 2, len(filters) - most)
    return tuple(filters[start : start + most])

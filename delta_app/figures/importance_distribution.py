"""How importance is spread over a layer's filters."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from delta_app.figures.base import HEIGHT, QUIET, base_figure, line_across
from delta_app.figures.chosen_filter import mark_chosen
from delta_app.formatting import counted, percent

FEWEST, MOST = 12, 60
"""Bins: few enough to have filters in them, so many that a shape shows."""


def importance_distribution(
    importance: ArrayLike,
    color: str,
    *,
    key: str,
    x: str,
    chosen: int | None = None,
    height: int = HEIGHT,
) -> go.Figure:
    """A histogram whose bins meet at zero; filters that harm when they are there are grey.

    Args:
        importance: (C,), signed.
        x: the importance's axis title with its unit.
    """
    values = np.asarray(importance, dtype=float)
    edges = bins_meeting_at_zero(values)
    counts, _ = np.histogram(values, edges)
    negative = edges[1:] <= 0
    bars = go.Bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts,
        width=np.diff(edges),
        marker={
            "color": [QUIET if below else color for below in negative],
            "line": {"width": 0},
        },
        hovertext=[
            f"{counted(int(n), 'filter')} from {low:.3g} to {high:.3g}"
            for n, low, high in zip(counts, edges[:-1], edges[1:], strict=True)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    share = float((values < 0).mean())
    figure = base_figure(
        [bars],
        key=key,
        title=f"Distribution: {percent(share, 0)} below zero",
        x=x,
        y="Filters",
        height=height,
        hover="closest",
        layout={
            "bargap": 0,
            "shapes": [line_across(x=0, line={"color": QUIET, "width": 1, "dash": "dash"})],
        },
    )
    if chosen is not None and 0 <= chosen < len(values):
        middle = (edges[0] + edges[-1]) / 2
        mark_chosen(figure, values[chosen], chosen, right_of_it=bool(values[chosen] < middle))
    return figure


def bins_meeting_at_zero(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of equally wide bins over all values, one of them at zero.

    Their width is Freedman and Diaconis' 2 * IQR / n^(1/3), kept to FEWEST to MOST bins.
    """
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    span = high - low
    if span == 0:
        return np.array([-0.5, 0.0, 0.5])
    quartiles = np.percentile(values, [25, 75])
    width = 2 * float(quartiles[1] - quartiles[0]) / len(values) ** (1 / 3)
    width = min(max(width, span / MOST), span / FEWEST)
    first, last = math.floor(low / width), math.ceil(high / width)
    edges = width * np.arange(first, last + 1)
    # Rounding may leave the outermost filters out by a hair.
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return edges

"""What the softmax makes of each filter's importance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from delta_app.figures.base import HEIGHT, QUIET, base_figure, line_across
from delta_app.figures.chosen_filter import fill_colors, mark_chosen, opacities

STEPS = 80


def importance_against_attention(
    importance: ArrayLike,
    relative_attention: ArrayLike,
    color: str,
    *,
    key: str,
    x: str,
    hover: Sequence[str],
    solid: Sequence[bool] | None = None,
    chosen: int | None = None,
    height: int = HEIGHT,
) -> go.Figure:
    """A point a filter on the curve that all stand on; the dashed line is uniform attention.

    Args:
        importance: (C,).
        relative_attention: C * W_c, (C,), 1 on average.
        x: the importance's axis title with its unit.
        hover: what is told of each filter, (C,), HTML.
        solid: filters drawn in full, (C,); the others are pale.
    """
    values = np.asarray(importance, dtype=float)
    attention = np.asarray(relative_attention, dtype=float)
    filters = list(range(len(values)))
    at, curve = softmax_curve(values, attention)
    line = go.Scatter(
        x=at, y=curve, mode="lines", line={"color": QUIET, "width": 1}, hoverinfo="skip"
    )
    points = go.Scatter(
        x=values,
        y=attention,
        mode="markers",
        marker={
            "color": fill_colors(filters, color, chosen),
            "size": [11 if i == chosen else 6 for i in filters],
            "opacity": opacities(solid),
            "line": {"width": 0},
        },
        customdata=[[i] for i in filters],
        hovertext=list(hover),
        hovertemplate="%{hovertext}<extra></extra>",
    )
    figure = base_figure(
        [line, points],
        key=key,
        title="Importance against attention",
        x=x,
        y="Attention, C·W",
        height=height,
        legend=False,
        hover="closest",
        layout={
            "yaxis": {"rangemode": "tozero"},
            "shapes": [
                line_across(y=1, line={"color": QUIET, "width": 1, "dash": "dash"}),
                line_across(x=0, line={"color": QUIET, "width": 1, "dash": "dot"}, layer="below"),
            ],
        },
    )
    if chosen is not None and chosen in filters:
        middle = (values.min() + values.max()) / 2
        mark_chosen(figure, values[chosen], chosen, right_of_it=bool(values[chosen] < middle))
    return figure


def softmax_curve(
    importance: NDArray[np.float64], attention: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The curve between the least and the most important filter.

    A softmax makes log W a straight line over the importance: its two ends give the rest.

    Args:
        importance: (C,).
        attention: W or a multiple of it, (C,), positive.

    Returns:
        Importances and attention along the curve.
    """
    low, high = int(importance.argmin()), int(importance.argmax())
    at = np.linspace(importance[low], importance[high], STEPS)
    logs = np.log(attention[[low, high]])
    if importance[low] == importance[high]:
        return at, np.full(STEPS, attention[low])
    return at, np.exp(np.interp(at, importance[[low, high]], logs))

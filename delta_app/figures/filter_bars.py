"""A bar a filter with its error: the importance or the attention of one behaviour layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from delta_app.figures.base import HEIGHT, QUIET, base_figure, line_across
from delta_app.figures.chosen_filter import fill_colors, mark_chosen, opacities

MANY = 120
"""Beyond so many bars there is no room for gaps, and whiskers are hair lines."""

NAMED = 30
"""Up to so many bars each has its filter's number beneath it; the others tell it on hover."""


def filter_bars(
    values: ArrayLike,
    filters: Sequence[int],
    color: str,
    *,
    key: str,
    title: str,
    x: str,
    y: str,
    hover: Sequence[str],
    whiskers: ArrayLike | None = None,
    solid: Sequence[bool] | None = None,
    base: float = 0.0,
    chosen: int | None = None,
    height: int = HEIGHT,
) -> go.Figure:
    """One bar for each of these filters, in this order; one trace however many there are.

    Args:
        values: of all filters of the layer, (C,).
        filters: which are drawn, from left to right.
        x, y: axis titles with units.
        hover: what is told of each filter of the layer, (C,), HTML.
        whiskers: half the height of each filter's error bar, (C,); none where not finite.
        solid: filters drawn in full, (C,); the others are pale.
        base: where the value axis has its dashed line.
        chosen: this filter has a colour of its own and its number beside it.
    """
    order = np.asarray(filters, dtype=int)
    heights = np.asarray(values, dtype=float)[order]
    drawn = order.tolist()
    bars = go.Bar(
        x=[str(i) for i in drawn],
        y=heights,
        marker={
            "color": fill_colors(drawn, color, chosen),
            "line": {"width": 0},
            "opacity": opacities(None if solid is None else [solid[i] for i in drawn]),
        },
        error_y=_whiskers(whiskers, order),
        customdata=[[i] for i in drawn],
        hovertext=[hover[i] for i in drawn],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    # A bar is pointed at from anywhere in its column: many are next to nothing high.
    figure = base_figure(
        [bars],
        key=key,
        title=title,
        x=x,
        y=y,
        height=height,
        hover="x",
        layout={
            "bargap": 0 if len(order) > MANY else 0.15,
            "xaxis": {
                "type": "category",
                "showticklabels": len(order) <= NAMED,
                "range": [-0.6, len(order) - 0.4],
            },
            "shapes": [line_across(y=base, line={"color": QUIET, "width": 1, "dash": "dash"})],
        },
    )
    if chosen is not None and chosen in drawn:
        place = drawn.index(chosen)  # on an axis of names a number is a place
        mark_chosen(figure, place, chosen, right_of_it=place < 0.9 * len(drawn))
    return figure


def _whiskers(half: ArrayLike | None, order: np.ndarray) -> dict[str, object] | None:
    if half is None:
        return None
    lengths = np.asarray(half, dtype=float)[order]
    if not np.isfinite(lengths).any():
        return None
    return {
        "type": "data",
        "array": np.where(np.isfinite(lengths), lengths, 0.0),
        "color": QUIET,
        "thickness": 1 if len(order) <= MANY else 0.5,
        "width": 0,
    }

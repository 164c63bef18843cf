"""The scale that overlays side by side share."""

from __future__ import annotations

from functools import lru_cache

import plotly.graph_objects as go

from delta_app.figures.base import base_figure
from delta_app.formatting import significant
from delta_app.inspection.colors import ColorTable, css_colors
from delta_app.inspection.scale import Scale

HEIGHT = 64
STEPS = 64


@lru_cache(maxsize=32)
def color_bar(table: ColorTable, scale: Scale, title: str, *, height: int = HEIGHT) -> go.Figure:
    """A flat bar from the scale's lowest to its highest value, in the overlay's own colours.

    A live page asks for the same one again and again, until a run's weights are new: the figure is
    kept, and not to be changed.
    """
    width = (scale.high - scale.low) / STEPS or 1.0
    bar = go.Bar(
        x=[scale.low + (i + 0.5) * width for i in range(STEPS)],
        y=[1] * STEPS,
        width=width,
        marker={"color": list(css_colors(table, STEPS)), "line": {"width": 0}},
        hoverinfo="skip",
    )
    middle = (scale.low + scale.high) / 2
    marks = [scale.low, middle, scale.high] if scale.high > scale.low else [scale.low]
    along = {
        # A hair beyond both ends, so that rounding cannot cut off their marks.
        "range": [scale.low - 0.01 * width, scale.low + (STEPS + 0.01) * width],
        "tickvals": marks,
        "ticktext": [_said(mark) for mark in marks],
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "title": {"text": title, "standoff": 2},
    }
    return base_figure(
        [bar],
        key=f"color_bar_{table}",
        height=height,
        hover="closest",
        layout={
            "margin": {"l": 26, "r": 26, "t": 2, "b": 4},
            "bargap": 0,
            "minreducedheight": 8,
            "xaxis": along,
            "yaxis": {"visible": False, "range": [0, 1], "fixedrange": True},
        },
    )


def _said(mark: float) -> str:
    return "0" if mark == 0 else significant(mark).replace("-", "\N{MINUS SIGN}")

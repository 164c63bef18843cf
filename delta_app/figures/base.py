"""What every chart shares: transparent ground, legend below, axes named with their units.

Font and grid colours are left to Streamlit's theme, so that one figure is right in light and in
dark. Each chart has a constant `uirevision`, so that zoom and hidden traces survive new data.
Plotly knows a trace again by its place alone (uids do not reach the browser): what is drawn
later must stand behind what is there already.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, Literal

import plotly.graph_objects as go

from delta_app.formatting import THIN_SPACE

HEIGHT = 290
"""Pixels; two charts side by side and a page's header fit into 800."""

AXIS_ROOM = 44

CLEAR = "rgba(0,0,0,0)"

QUIET = "#8A8F98"
"""A grey that is read on white and on near-black alike; for reference lines."""

PERCENT = f"{THIN_SPACE}%"


def as_text(name: str) -> str:
    """A name that people gave, for a chart: Plotly takes <b>, <br> and &amp; in texts as markup."""
    return html.escape(name, quote=False)


def base_figure(
    traces: Sequence[Any],
    *,
    key: str,
    title: str = "",
    x: str = "",
    y: str = "",
    height: int = HEIGHT,
    legend: bool | None = None,
    hover: Literal["x unified", "x", "closest"] = "x unified",
    axis_room: float = AXIS_ROOM,
) -> go.Figure:
    """A figure with the house's layout.

    Args:
        key: the chart's own name; its `uirevision`.
        x, y: axis titles with their units.
        legend: below the plot; None shows one where there are two traces or more.
        axis_room: px between plot and legend, for tick labels and axis title.
    """
    # Given at once: an update would be laid over Plotly's default template, colours and all.
    figure = go.Figure(data=list(traces), layout={"template": {"layout": {"colorway": [QUIET]}}})
    figure.update_layout(
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        height=height,
        margin={"l": 8, "r": 8, "t": 34 if title else 10, "b": 8},
        uirevision=key,
        hovermode=hover,
        showlegend=len(traces) > 1 if legend is None else legend,
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            # Plotly wants a share of the plot's height, which it fixes only later.
            "y": -axis_room / max(height - 86 - axis_room, 60),
            "yanchor": "top",
        },
        bargap=0.15,
    )
    if title:
        figure.update_layout(
            title={"text": title, "x": 0, "xanchor": "left", "y": 0.98, "yanchor": "top"},
            title_font_size=14,
        )
    figure.update_xaxes(title={"text": x, "standoff": 6}, automargin=True)
    figure.update_yaxes(title={"text": y, "standoff": 8}, automargin=True)
    return figure


def empty_figure(message: str, *, key: str, title: str = "", height: int = HEIGHT) -> go.Figure:
    """A chart that has no data yet and says so in its middle."""
    figure = base_figure([], key=key, title=title, height=height)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(
        text=as_text(message), showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper"
    )
    return figure

"""What every chart shares: transparent ground, legend below, axes named with their units.

Font and grid colours are left to Streamlit's theme, so that one figure is right in light and in
dark. Each chart has a constant `uirevision`, so that zoom and hidden traces survive new data.
Plotly knows a trace again by its place alone (uids do not reach the browser): what is drawn
later must stand behind what is there already.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
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
    layout: Mapping[str, Any] | None = None,
) -> go.Figure:
    """A figure with the house's layout.

    Args:
        key: the chart's own name; its `uirevision`.
        x, y: axis titles with their units.
        legend: below the plot; None shows one where there are two traces or more.
        axis_room: px between plot and legend, for tick labels and axis title.
        layout: what else, in Plotly's words; laid over the house's part by part.
    """
    house: dict[str, Any] = {
        "template": {"layout": {"colorway": [QUIET]}},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 34 if title else 10, "b": 8},
        "uirevision": key,
        "hovermode": hover,
        "showlegend": len(traces) > 1 if legend is None else legend,
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            # Plotly wants a share of the plot's height, which it fixes only later.
            "y": -axis_room / max(height - 86 - axis_room, 60),
            "yanchor": "top",
        },
        "bargap": 0.15,
        "xaxis": {"title": {"text": x, "standoff": 6}, "automargin": True},
        "yaxis": {"title": {"text": y, "standoff": 8}, "automargin": True},
    }
    if title:
        house["title"] = {
            "text": title,
            "x": 0,
            "xanchor": "left",
            "y": 0.98,
            "yanchor": "top",
            "font": {"size": 14},
        }
    # Given at once: an update takes ten times as long, a live page's charts are made anew every
    # two seconds, and a template would be laid over Plotly's default one, colours and all.
    return go.Figure(data=list(traces), layout=_laid_over(house, layout or {}))


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = _laid_over(merged[name], value) if both else value
    return merged


def line_across(
    *, x: float | None = None, y: float | None = None, line: Mapping[str, Any], layer: str = "above"
) -> dict[str, Any]:
    """A straight line over the whole plot, at one x or at one y; one of a layout's `shapes`."""
    ends = {"x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "y domain", "xref": "x"}
    if x is None:
        ends = {"x0": 0, "x1": 1, "y0": y, "y1": y, "xref": "x domain", "yref": "y"}
    return {"type": "line", "line": dict(line), "layer": layer, **ends}


def empty_figure(message: str, *, key: str, title: str = "", height: int = HEIGHT) -> go.Figure:
    """A chart that has no data yet and says so in its middle."""
    said = {
        "text": as_text(message),
        "showarrow": False,
        "x": 0.5,
        "y": 0.5,
        "xref": "paper",
        "yref": "paper",
    }
    hidden = {"visible": False}
    return base_figure(
        [],
        key=key,
        title=title,
        height=height,
        layout={"xaxis": hidden, "yaxis": hidden, "annotations": [said]},
    )

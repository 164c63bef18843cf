"""How the chosen filter is marked, the same on every chart of a layer."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

CHOSEN = "#7B6CE0"
"""The accent, between its light and its dark shade: no method has it."""

PALE = 0.4
"""Opacity of filters that cannot be told from zero."""


def mark_chosen(figure: go.Figure, x: float, filter: int, *, right_of_it: bool = True) -> None:
    """A line through the chart at `x` with the filter's number at its upper end.

    Args:
        right_of_it: whether the number stands on the line's right side.
    """
    figure.add_vline(x=x, line={"color": CHOSEN, "width": 1.5}, layer="below")
    figure.add_annotation(
        x=x,
        y=1,
        yref="paper",
        text=f"<b>{filter}</b>",
        font={"color": CHOSEN},
        showarrow=False,
        xanchor="left" if right_of_it else "right",
        yanchor="top",
        xshift=3 if right_of_it else -3,
    )


def fill_colors(filters: Sequence[int], color: str, chosen: int | None) -> str | list[str]:
    """One colour for all, or the chosen filter's own among them."""
    if chosen is None or chosen not in filters:
        return color
    return [CHOSEN if filter == chosen else color for filter in filters]


def opacities(solid: Sequence[bool] | None) -> float | list[float]:
    """Full for filters that are told from zero, pale for the others."""
    return 1.0 if solid is None else [1.0 if each else PALE for each in solid]

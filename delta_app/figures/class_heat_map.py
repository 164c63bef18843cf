"""Whose loss rises: importance by class and filter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from delta_app.figures.base import HEIGHT, as_text, base_figure
from delta_app.figures.chosen_filter import CHOSEN
from delta_app.figures.class_axis import MOST_NAMED, class_label

DIVERGING = (
    (0.0, "rgba(33,102,172,1)"),
    (0.25, "rgba(67,147,195,0.75)"),
    (0.5, "rgba(140,140,150,0.06)"),
    (0.75, "rgba(214,96,77,0.75)"),
    (1.0, "rgba(178,24,43,1)"),
)
"""Blue below zero, red above; what is near zero lets the ground through, light or dark."""


def class_heat_map(
    by_class: ArrayLike,
    errors: ArrayLike,
    classes: Sequence[str],
    filters: Sequence[int],
    *,
    key: str,
    title: str,
    x: str,
    unit: str,
    chosen: int | None = None,
    height: int = HEIGHT,
) -> go.Figure:
    """Classes down, filters across; one colour scale about zero for all cells.

    Args:
        by_class: mean importance for each class's pictures, (K, C); nan for a class without.
        errors: its standard error, (K, C); not finite where it is not known.
        classes: K names.
        filters: which are drawn, from left to right.
        x: the filters' axis title.
        unit: of the values, for the colour bar.
    """
    order = np.asarray(filters, dtype=int)
    values = np.asarray(by_class, dtype=float)[:, order]
    known = np.asarray(errors, dtype=float)[:, order]
    most = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    cells = go.Heatmap(
        z=values,
        x=np.arange(len(order)),
        y=np.arange(len(classes)),
        zmin=-most,
        zmax=most,
        colorscale=[list(anchor) for anchor in DIVERGING],
        xgap=1 if len(order) <= 80 else 0,
        ygap=1,
        customdata=[[[int(i)] for i in order] for _ in classes],
        hovertext=[
            [
                _told(as_text(name), int(i), values[row, place], known[row, place])
                for place, i in enumerate(order)
            ]
            for row, name in enumerate(classes)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
        hoverongaps=False,
        colorbar={
            "title": {"text": unit, "side": "right"},
            "thickness": 10,
            "len": 1.0,
            "outlinewidth": 0,
            "nticks": 5,
        },
    )
    named = len(classes) <= MOST_NAMED
    return base_figure(
        [cells],
        key=key,
        title=title,
        x=x,
        height=height,
        legend=False,
        hover="closest",
        layout={
            "xaxis": {
                "tickvals": list(range(len(order))) if len(order) <= 30 else [],
                "ticktext": [str(i) for i in order] if len(order) <= 30 else [],
                "range": [-0.5, len(order) - 0.5],
                "showgrid": False,
                "zeroline": False,
            },
            "yaxis": {
                "tickvals": list(range(len(classes))) if named else [],
                "ticktext": [class_label(name, 14) for name in classes] if named else [],
                "title": {"text": "" if named else f"{len(classes)} classes"},
                "range": [len(classes) - 0.5, -0.5],
                "showgrid": False,
                "zeroline": False,
            },
            "shapes": _frame(chosen, order, len(classes)),
        },
    )


def _frame(chosen: int | None, order: NDArray[np.int_], classes: int) -> list[dict[str, object]]:
    """A frame about the chosen filter's column, where it is drawn."""
    if chosen is None or chosen not in order:
        return []
    place = int(np.flatnonzero(order == chosen)[0])
    across = {"x0": place - 0.5, "x1": place + 0.5, "y0": -0.5, "y1": classes - 0.5}
    return [{"type": "rect", **across, "line": {"color": CHOSEN, "width": 2}}]


def _told(name: str, filter: int, value: float, error: float) -> str:
    if np.isnan(value):
        return f"{name}: no measured picture"
    known = f" ± {error:.2g}" if np.isfinite(error) else ""
    return f"filter {filter}, {name}<br>{value:.3g}{known} nats"

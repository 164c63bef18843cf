"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from delta_app.figures.base import as_text, base_figure
from delta_app.figures.class_axis import MOST_NAMED, class_label

HEIGHT = 360
MOST_WRITTEN = 15
"""Beyond so many classes the counts would not fit into their cells: they are read on hover."""

MOST_CELLS = 60
"""Up to so many classes every cell is drawn, however few of them hold a picture. A message to the
browser has to stay small: of more classes only cells with pictures are drawn, the fullest."""

MOST_MARKS = 1_500
"""Of right answers, and of mistakes."""

_RIGHT = [[0.0, "#6B7683"], [1.0, "#39434F"]]
_WRONG = [[0.0, "#B5617A"], [1.0, "#8B1E3F"]]


def confusion_matrix(
    confusion: ArrayLike,
    classes: Sequence[str],
    *,
    title: str = "Confusion",
    key: str = "confusion",
    height: int = HEIGHT,
) -> go.Figure:
    """Counts of true class (row) against answer (column), shaded by share of the true class.

    Right answers are grey, mistakes red; cells without a picture stay clear. White figures are
    readable on every shade, in light and in dark. Of very many classes the fullest cells are drawn.

    Args:
        confusion: (K, K) counts, [true, predicted].
        classes: K names.
    """
    counts = np.asarray(confusion)
    draw = _cells if len(classes) <= MOST_CELLS else _fullest_cells
    of_class = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(of_class, 1)
    right = np.eye(len(classes), dtype=bool)
    figure = base_figure(
        [
            draw(counts, shares, right, classes, _RIGHT),
            draw(counts, shares, ~right, classes, _WRONG),
        ],
        key=key,
        title=as_text(title),
        x="Answer",
        y="True class",
        height=height,
        legend=False,
        hover="closest",
    )
    named = len(classes) <= MOST_NAMED
    ticks = {
        "tickvals": list(range(len(classes))) if named else [],
        "ticktext": [class_label(name, 14) for name in classes] if named else [],
        "showgrid": False,
        "zeroline": False,
        "range": [-0.5, len(classes) - 0.5],
    }
    figure.update_xaxes(**ticks, tickangle=-40 if len(classes) > 3 else 0)
    figure.update_yaxes(**ticks | {"range": [len(classes) - 0.5, -0.5]})
    return figure


_HOVER = "%{customdata[0]} taken for %{customdata[1]}<br>%{customdata[2]} pictures<extra></extra>"


def _cells(
    counts: np.ndarray,
    shares: np.ndarray,
    where: np.ndarray,
    classes: Sequence[str],
    scale: list[list[object]],
) -> go.Heatmap:
    shown = where & (counts > 0)
    k = len(classes)
    names = [as_text(name) for name in classes]
    told = [[[names[i], names[j], int(counts[i, j])] for j in range(k)] for i in range(k)]
    return go.Heatmap(
        z=np.where(shown, shares, np.nan),
        zmin=0,
        zmax=1,
        colorscale=scale,
        showscale=False,
        xgap=1,
        ygap=1,
        text=np.where(shown, counts.astype(str), ""),
        texttemplate="%{text}" if k <= MOST_WRITTEN else None,
        textfont={"color": "white", "size": 11},
        customdata=told,
        hovertemplate=_HOVER,
        hoverongaps=False,
    )


def _fullest_cells(
    counts: np.ndarray,
    shares: np.ndarray,
    where: np.ndarray,
    classes: Sequence[str],
    scale: list[list[object]],
) -> go.Scatter:
    true, answer = np.nonzero(where & (counts > 0))
    fullest = np.argsort(-counts[true, answer], kind="stable")[:MOST_MARKS]
    true, answer = true[fullest], answer[fullest]
    return go.Scatter(
        x=answer,
        y=true,
        mode="markers",
        marker={
            "symbol": "square",
            "size": max(3.0, 240 / len(classes)),
            "color": np.round(shares[true, answer], 3),
            "cmin": 0,
            "cmax": 1,
            "colorscale": scale,
            "line": {"width": 0},
        },
        customdata=[
            [class_label(classes[i], 40), class_label(classes[j], 40), int(counts[i, j])]
            for i, j in zip(true.tolist(), answer.tolist(), strict=True)
        ],
        hovertemplate=_HOVER,
    )

"""Per-filter attention of one behaviour layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from delta_app.figures.base import HEIGHT, QUIET, as_text, base_figure, line_across

Order = Literal["sorted", "filter"]


def attention_bars(
    layer: str,
    attention: ArrayLike,
    color: str,
    *,
    importance: ArrayLike | None = None,
    standard_error: ArrayLike | None = None,
    order: Order = "sorted",
    sorted_by: ArrayLike | None = None,
    highest: float | None = None,
    marked: Sequence[int] = (),
    title: str | None = None,
    x: str | None = None,
    height: int = HEIGHT,
) -> go.Figure:
    """A bar a filter: C * W_c, which is 1 where the filter weighs as much as the average.

    One trace however many filters there are, without gaps, so that 2048 stay quick.

    Args:
        attention: W, (C,).
        color: of the run's method.
        importance, standard_error: (C,), in nats of cross-entropy, told on hover.
        order: greatest first, or as the filters stand in the layer.
        sorted_by: whose greatest come first, (C,), where it is not this attention's own.
        highest: end of the value axis, where several charts stand side by side.
        marked: filters that are drawn in full while all others are pale.
        x: what stands beneath the bars, where it is not their own order.
    """
    weights = np.asarray(attention, dtype=float)
    channels = len(weights)
    greatest = weights if sorted_by is None else np.asarray(sorted_by, dtype=float)
    filters = np.argsort(-greatest, kind="stable") if order == "sorted" else np.arange(channels)
    told, hover = [filters, weights[filters]], "W %{customdata[1]:.3g}, %{y:.2f} × uniform"
    if importance is not None:
        told.append(np.asarray(importance, dtype=float)[filters])
        hover += "<br>importance %{customdata[2]:.3g}"
        errors = None if standard_error is None else np.asarray(standard_error, dtype=float)
        if errors is not None and np.isfinite(errors).all():  # of one picture they are not known
            told.append(errors[filters])
            hover += " ± %{customdata[3]:.2g}"
    bars = go.Bar(
        x=np.arange(channels),
        y=channels * weights[filters],
        marker={"color": color, "line": {"width": 0}, "opacity": _opacity(filters, marked)},
        customdata=np.stack(told, axis=1),
        hovertemplate=f"filter %{{customdata[0]:d}}<br>{hover}<extra></extra>",
    )
    mean = line_across(y=1, line={"color": QUIET, "width": 1, "dash": "dash"})
    return base_figure(
        [bars],
        key=f"attention_{layer}_{order}",
        title=as_text(layer if title is None else title),
        x=x or ("Filters, most attended first" if order == "sorted" else "Filter"),
        y="Attention, C·W",
        height=height,
        hover="closest",
        layout={
            "bargap": 0 if channels > 120 else 0.15,
            "shapes": [mean],
            "yaxis": {} if highest is None else {"range": [0, highest]},
        },
    )


def highest_bar(attentions: Sequence[ArrayLike]) -> float:
    """End of a value axis that holds the bars of all these attentions, with a little air."""
    tops = [len(w) * float(w.max()) for w in map(np.asarray, attentions) if len(w)]
    return 1.05 * max([1.0, *tops])


def _opacity(filters: np.ndarray, marked: Sequence[int]) -> float | list[float]:
    if not len(marked):
        return 1.0
    return [1.0 if index in set(marked) else 0.35 for index in filters.tolist()]

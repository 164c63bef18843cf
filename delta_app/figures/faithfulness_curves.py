"""Loss or accuracy of one behaviour layer's network as its filters are disabled one by one."""

from __future__ import annotations

from typing import Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from delta_app.attention.faithfulness import Curve, LayerFaithfulness
from delta_app.figures.base import HEIGHT, PERCENT, QUIET, base_figure

Quantity = Literal["loss", "accuracy"]

BAND = "rgba(138, 143, 152, 0.25)"
"""QUIET, so that the lines on it are seen."""

_NAMES = ("Most important first", "Least important first", "Random, mean", "Random, range")
_SHORT = ("Most first", "Least first", "Random", "Random, range")


def faithfulness_curves(
    layer: str,
    found: LayerFaithfulness,
    color: str,
    *,
    quantity: Quantity = "loss",
    title: str | None = None,
    narrow: bool = False,
    height: int = HEIGHT,
) -> go.Figure:
    """Most important first, least important first, and between them what random orders give.

    Args:
        color: of DELTA, whose attention is judged.
        quantity: what is drawn over the share of filters that are disabled.
        narrow: names short enough for one line beneath half a page's width.
    """
    names = _SHORT if narrow else _NAMES
    x = 100 * found.shares.numpy()
    random = np.stack([_values(curve, quantity) for curve in found.random])
    hover = f"%{{y:.1f}}{PERCENT}" if quantity == "accuracy" else "%{y:.3f}"

    def line(y: NDArray[np.float64], name: str, **looks: object) -> go.Scatter:
        return go.Scatter(x=x, y=y, mode="lines", line=looks, name=name, hovertemplate=hover)

    band = go.Scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([random.min(axis=0), random.max(axis=0)[::-1]]),
        mode="none",
        fill="toself",
        fillcolor=BAND,
        name=names[3],
        showlegend=not narrow,
        hoverinfo="skip",
    )
    return base_figure(
        [
            band,
            line(random.mean(axis=0), names[2], color=QUIET, width=1.5),
            line(
                _values(found.least, quantity),
                names[1],
                color=color,
                width=2,
                dash="dash",
            ),
            line(_values(found.most, quantity), names[0], color=color, width=2),
        ],
        key=f"faithfulness_{layer}_{quantity}",
        title=layer if title is None else title,
        x="Filters disabled (%)",
        y="Top-1 accuracy (%)" if quantity == "accuracy" else "Cross-entropy (nats)",
        height=height,
        layout={
            "legend": {"traceorder": "reversed"},  # what lies on top is named first
            "xaxis": {"range": [0, 102], "hoverformat": ".1f"},
            # So flat a chart as a narrow one needs its height for the curves.
            "yaxis": {} if narrow else {"rangemode": "tozero"},
        },
    )


def _values(curve: Curve, quantity: Quantity) -> NDArray[np.float64]:
    values: NDArray[np.float64] = getattr(curve, quantity).numpy()
    return 100 * values if quantity == "accuracy" else values

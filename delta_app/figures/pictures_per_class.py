"""How many pictures each class has in each split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from delta_app.figures.base import as_text

SPLIT_COLORS = {"train": "#5B4BC4", "val": "#A9A2E8", "test": "#8C8C96"}
"""Tints of the accent and a grey: colours of methods stay theirs."""

SPLIT_LABELS = {"train": "training", "val": "validation", "test": "test"}
NAMED = 14
"""Up to so many classes are named along the axis; more are named on hover."""


def pictures_per_class(
    classes: Sequence[str], counts: Mapping[str, Sequence[int]], *, height: int = 220
) -> go.Figure:
    """Stacked bars, one a class in the classes' order, one colour a split.

    Args:
        classes: their names.
        counts: pictures of each class, by split; a split without pictures is not drawn.
    """
    lying = len(classes) <= NAMED
    named_classes = [as_text(name) for name in classes]
    figure = go.Figure()
    for split, numbers in counts.items():
        if not any(numbers):
            continue
        label = SPLIT_LABELS.get(split, split)
        named = "%{y}" if lying else "%{x}"
        number = "%{x}" if lying else "%{y}"
        figure.add_bar(
            x=list(numbers) if lying else named_classes,
            y=named_classes if lying else list(numbers),
            orientation="h" if lying else "v",
            name=label,
            marker={"color": SPLIT_COLORS.get(split), "line": {"width": 0}},
            hovertemplate=f"{named}: {number} {label}<extra></extra>",
        )
    figure.update_layout(
        barmode="stack",
        bargap=0.25 if len(classes) <= 60 else 0,
        height=height,
        margin={"l": 0, "r": 8, "t": 4, "b": 0},
        legend={
            "orientation": "h",
            "traceorder": "normal",
            "x": 1,
            "y": 1.01,
            "xanchor": "right",
            "yanchor": "bottom",
        },
        uirevision="pictures per class",
    )
    pictures = {"title": {"text": "pictures"}, "rangemode": "tozero", "fixedrange": True}
    names = {
        "type": "category",
        "fixedrange": True,
        "title": {"text": "" if lying else f"{len(classes)} classes"},
        "showticklabels": lying,
        "autorange": "reversed" if lying else True,
        "showgrid": False,
    }
    figure.update_layout(xaxis=pictures if lying else names, yaxis=names if lying else pictures)
    return figure

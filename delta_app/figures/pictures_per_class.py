"""How many pictures each class has in each split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from delta_app.figures.base import as_text
from delta_app.figures.class_axis import shortened

SPLIT_COLORS = {"train": "#5B4BC4", "val": "#A9A2E8", "test": "#8C8C96"}
"""Tints of the accent and a grey: colours of methods stay theirs."""

SPLIT_LABELS = {"train": "training", "val": "validation", "test": "test"}
NAMED = 14
"""Up to so many classes are named along the axis; more are named on hover."""


MOST_BARS = 1000
"""More classes share bars: there are fewer pixels, and every bar is sent to the browser."""

LONGEST_NAME = 40


def pictures_per_class(
    classes: Sequence[str], counts: Mapping[str, Sequence[int]], *, height: int = 220
) -> go.Figure:
    """Stacked bars, one a class in the classes' order, one colour a split.

    Args:
        classes: their names.
        counts: pictures of each class, by split; a split without pictures is not drawn.
    """
    lying = len(classes) <= NAMED
    together = -(-len(classes) // MOST_BARS)
    bars = range(0, len(classes), together)
    named_classes = [_bar_name(classes, first, together) for first in bars]
    figure = go.Figure()
    for split, numbers in counts.items():
        if not any(numbers):
            continue
        label = SPLIT_LABELS.get(split, split)
        shown = [sum(numbers[first : first + together]) for first in bars]
        named = "%{y}" if lying else "%{x}"
        number = "%{x}" if lying else "%{y}"
        figure.add_bar(
            x=shown if lying else named_classes,
            y=named_classes if lying else shown,
            orientation="h" if lying else "v",
            name=label,
            marker={"color": SPLIT_COLORS.get(split), "line": {"width": 0}},
            hovertemplate=f"{named}: {number} {label}<extra></extra>",
        )
    figure.update_layout(
        barmode="stack",
        bargap=0.25 if len(bars) <= 60 else 0,
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
        "title": {"text": "" if lying else _axis_title(len(classes), together)},
        "showticklabels": lying,
        "autorange": "reversed" if lying else True,
        "showgrid": False,
    }
    figure.update_layout(xaxis=pictures if lying else names, yaxis=names if lying else pictures)
    return figure


def _bar_name(classes: Sequence[str], first: int, together: int) -> str:
    """A class's name; of several the first's and the last's."""
    last = min(first + together, len(classes)) - 1
    names = [classes[first]] if first == last else [classes[first], classes[last]]
    words = " to ".join(shortened(name, LONGEST_NAME) for name in names)
    # Names cut short may be alike; a bar is known by its name.
    unlike = "" if len(classes) <= NAMED or words == " to ".join(names) else f" ({first + 1})"
    return as_text(words + unlike)


def _axis_title(classes: int, together: int) -> str:
    return f"{classes} classes" if together == 1 else f"{classes} classes, {together} in a bar"

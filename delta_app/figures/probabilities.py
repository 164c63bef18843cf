"""What a network answers to one picture."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from delta_app.figures.base import PERCENT, as_text, base_figure
from delta_app.figures.class_axis import class_label

BAR_HEIGHT = 30
FRAME_HEIGHT = 16


def probability_bars(
    answers: Sequence[tuple[str, float]],
    color: str,
    *,
    true_class: str | None = None,
    key: str = "probabilities",
) -> go.Figure:
    """A bar a class, likeliest on top, its percent behind it; the true class is marked so.

    Args:
        answers: class name and probability, likeliest first.
        color: of the run's method.
        true_class: the class the picture is filed under, where it is known.
    """
    names = [name for name, _ in answers]
    bars = go.Bar(
        x=[100 * share for _, share in answers],
        y=list(range(len(answers))),
        orientation="h",
        marker={"color": color, "line": {"width": 0}},
        text=[f"{100 * share:.1f}{PERCENT}" for _, share in answers],
        textposition="outside",
        cliponaxis=False,
        customdata=[as_text(name) for name in names],
        hovertemplate="%{customdata}: %{text}<extra></extra>",
    )
    down = {
        "tickvals": list(range(len(names))),
        "ticktext": [_label(name, true_class) for name in names],
        "range": [len(names) - 0.5, -0.5],
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
    }
    return base_figure(
        [bars],
        key=key,
        height=FRAME_HEIGHT + BAR_HEIGHT * len(answers),
        hover="closest",
        layout={
            "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
            "bargap": 0.3,
            # Room at the right for "100.0 %" behind a full bar.
            "xaxis": {"visible": False, "range": [0, 122], "fixedrange": True},
            "yaxis": down,
        },
    )


def _label(name: str, true_class: str | None) -> str:
    label = class_label(name)
    return f"<b>{label}</b> (true)" if name == true_class else label

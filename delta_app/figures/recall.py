"""How many of each class's pictures were found."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from delta_app.figures.base import HEIGHT, PERCENT, as_text, base_figure
from delta_app.figures.class_axis import class_axis_room, class_label, name_classes

_HATCHES = ("", "/", "x", "\\", "-", "|", "+", ".")

Recall = tuple[str, str, Sequence[float | None]]
"""Label, colour of the method, and recall of each class (a share; None without a picture)."""


def recall_by_class(
    classes: Sequence[str], runs: Sequence[Recall], *, height: int = HEIGHT
) -> go.Figure:
    """Recall of each class, bars of several runs beside one another.

    Two runs of one method have one colour: a hatch tells them apart.
    """
    bars = [
        go.Bar(
            x=list(range(len(classes))),
            y=[None if share is None else 100 * share for share in recall],
            name=as_text(label),
            marker={
                "color": color,
                "line": {"width": 0},
                "pattern": {"shape": _hatch(place, runs), "fillmode": "replace"},
            },
            customdata=[class_label(name, 40) for name in classes],
            hovertemplate=f"%{{customdata}}: %{{y:.1f}}{PERCENT}",
        )
        for place, (label, color, recall) in enumerate(runs)
    ]
    figure = base_figure(
        bars,
        key="recall_by_class",
        title="Recall by class",
        y="Recall (%)",
        height=height,
        hover="closest",
        axis_room=class_axis_room(classes),
    )
    figure.update_yaxes(range=[0, 102])
    name_classes(figure, classes)
    return figure


def _hatch(place: int, runs: Sequence[Recall]) -> str:
    earlier = sum(color == runs[place][1] for _, color, _ in runs[:place])
    return _HATCHES[earlier % len(_HATCHES)]

"""Several runs in one chart: the method's colour, a dash pattern a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from delta_app.figures.base import HEIGHT, as_text, base_figure, empty_figure
from delta_app.figures.curves import metric_line
from delta_app.runs.records import Series

NO_POINTS = Series(np.array([], dtype=np.int64), np.array([]), np.array([]))

DASHES = (
    "solid",
    "7px,4px",
    "2px,3px",
    "10px,3px,2px,3px",
    "14px,5px",
    "4px,2px",
    "12px,3px,2px,3px,2px,3px",
    "2px,6px",
)
"""A pattern for each of the eight runs that can be compared, by its place in the choice."""


@dataclass(frozen=True)
class RunLine:
    """How one run is drawn, on every chart of a comparison."""

    run: str
    label: str
    color: str
    dash: str


def run_lines(runs: Sequence[tuple[str, str, str]]) -> tuple[RunLine, ...]:
    """Id, name and method's colour of each run, in the order they were chosen -> how they look."""
    return tuple(
        RunLine(run, label, color, DASHES[place % len(DASHES)])
        for place, (run, label, color) in enumerate(runs)
    )


def run_curves(
    runs: Sequence[tuple[RunLine, Series | None]],
    *,
    key: str,
    title: str,
    y: str,
    share: bool = False,
    log: bool = False,
    height: int = HEIGHT,
) -> go.Figure:
    """One metric of several runs over epochs.

    A run that lacks it has an empty line: its colour and dash stand in the legend, and the
    others keep their places when its first points come.

    Args:
        key: the chart's own name; another choice of runs is another chart, whose zoom and
            hidden lines are its own.
        share: values are shares in [0, 1], shown in percent.
        log: a logarithmic value axis.
    """
    if not any(series is not None and len(series) for _, series in runs):
        return empty_figure("None of these runs has this yet.", key=key, title=title, height=height)
    lines = [
        metric_line(
            NO_POINTS if series is None else series,
            as_text(run.label),
            run.color,
            dash=run.dash,
            share=share,
        )
        for run, series in runs
    ]
    chosen = ",".join(run.run for run, _ in runs)
    return base_figure(
        lines,
        key=f"{key}:{chosen}",
        title=title,
        x="Epoch",
        y=y,
        height=height,
        legend=True,
        layout={"yaxis": {"type": "log"}} if log else None,
    )

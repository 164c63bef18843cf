"""One run as it goes: loss by term, accuracy, learning rate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from delta_app.figures.base import HEIGHT, PERCENT, base_figure, empty_figure, line_across
from delta_app.runs.records import Series
from delta_app.training import metric_names as names

CROSS_ENTROPY_COLOR, BACKBONE_TERM_COLOR, HEAD_TERM_COLOR = "#7B5EA7", "#3A7D7C", "#9A9A2F"
"""The loss's terms; none is a method's colour. The total takes the run's own."""

NO_STEP_YET = "No step has been taken."
NO_EPOCH_YET = "No epoch has ended."


def loss_by_term(
    series: Mapping[str, Series], color: str, *, log: bool = False, height: int = HEIGHT
) -> go.Figure:
    """Loss and its weighted terms over epochs; terms that the method lacks are left out.

    Args:
        series: metrics by name.
        color: of the run's method, for the total.
        log: a logarithmic loss axis, where the terms differ by orders of magnitude.
    """
    terms = (
        (names.LOSS_TOTAL, "Total", color),
        (names.LOSS_CROSS_ENTROPY, "Cross-entropy", CROSS_ENTROPY_COLOR),
        (names.LOSS_BACKBONE, "α · backbone term", BACKBONE_TERM_COLOR),
        (names.LOSS_HEAD, "β · head term", HEAD_TERM_COLOR),
    )
    lines = [
        metric_line(series[name], label, own) for name, label, own in terms if _has(series, name)
    ]
    if len(lines) == 2:  # a method without penalties: the total is the cross-entropy
        del lines[0]
    key, title = "loss_by_term", "Loss by term"
    if not lines:
        return empty_figure(NO_STEP_YET, key=key, title=title, height=height)
    return base_figure(
        lines,
        key=key,
        title=title,
        x="Epoch",
        y="Loss",
        height=height,
        legend=True,
        layout={"yaxis": {"type": "log"}} if log else None,
    )


def accuracy(
    series: Mapping[str, Series],
    color: str,
    *,
    best_epoch: int | None = None,
    test_top1: float | None = None,
    height: int = HEIGHT,
) -> go.Figure:
    """Training and validation accuracy over epochs, the chosen epoch, and the one test.

    Args:
        series: metrics by name, accuracies as shares.
        color: of the run's method.
        best_epoch: the epoch whose weights were kept, from 1.
        test_top1: accuracy on the test pictures, a share.
    """
    key, title = "accuracy", "Accuracy"
    shown = (
        (names.TRAIN_TOP1, "Training, as cropped", "dot"),
        (names.VAL_TOP1, "Validation", "solid"),
    )
    lines = [
        metric_line(series[name], label, color, dash=dash, share=True)
        for name, label, dash in shown
        if _has(series, name)
    ]
    if not lines:
        return empty_figure(NO_EPOCH_YET, key=key, title=title, height=height)
    if best_epoch is not None and test_top1 is not None:
        lines.append(_test_mark(best_epoch, test_top1, color))
    shapes = []
    if best_epoch is not None and _has(series, names.VAL_TOP1):
        shapes.append(line_across(x=best_epoch, line={"dash": "dot", "width": 1, "color": color}))
    return base_figure(
        lines,
        key=key,
        title=title,
        x="Epoch",
        y="Top-1 accuracy (%)",
        height=height,
        legend=True,
        layout={"yaxis": {"range": [0, 102]}, "shapes": shapes},
    )


def learning_rate(series: Mapping[str, Series], color: str, *, height: int = HEIGHT) -> go.Figure:
    """Learning rate of backbone and head; the head's only where it is another."""
    key, title = "learning_rate", "Learning rate"
    lines = []
    if _has(series, names.LR_BACKBONE):
        backbone = series[names.LR_BACKBONE]
        lines.append(metric_line(backbone, "Backbone", color))
    if _has(series, names.LR_HEAD) and not (lines and _same(series)):
        head = series[names.LR_HEAD]
        lines.append(metric_line(head, "Head", HEAD_TERM_COLOR, dash="dash"))
    if not lines:
        return empty_figure(NO_STEP_YET, key=key, title=title, height=height)
    return base_figure(
        lines,
        key=key,
        title=title,
        x="Epoch",
        y="Learning rate",
        height=height,
        layout={"yaxis": {"rangemode": "tozero", "exponentformat": "power"}},
    )


def metric_line(
    series: Series,
    label: str,
    color: str,
    *,
    dash: str = "solid",
    share: bool = False,
) -> go.Scatter:
    """One metric over epochs.

    Args:
        share: values are shares in [0, 1] and shown in percent.
    """
    return go.Scatter(
        x=series.epochs,
        y=100 * series.values if share else series.values,
        # A single point draws no line: it needs its marker to be seen.
        mode="markers" if len(series) == 1 else "lines",
        line={"color": color, "width": 2, "dash": dash},
        marker={"color": color},
        name=label,
        hovertemplate=f"%{{y:.1f}}{PERCENT}" if share else "%{y:.4g}",
    )


def _test_mark(epoch: int, test_top1: float, color: str) -> go.Scatter:
    return go.Scatter(
        x=[epoch],
        y=[100 * test_top1],
        mode="markers",
        marker={"symbol": "diamond", "size": 11, "color": color},
        name="Test",
        hovertemplate=f"%{{y:.1f}}{PERCENT}",
    )


def _has(series: Mapping[str, Series], name: str) -> bool:
    return name in series and len(series[name]) > 0


def _same(series: Mapping[str, Series]) -> bool:
    return np.array_equal(series[names.LR_BACKBONE].values, series[names.LR_HEAD].values)

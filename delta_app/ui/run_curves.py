"""The run page's curves: loss by term, accuracy, learning rate."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from delta_app.figures.curves import accuracy, learning_rate, loss_by_term
from delta_app.formatting import significant
from delta_app.regularizers import method
from delta_app.runs.records import RunRecord, Series
from delta_app.services import runs
from delta_app.services.companions import config_of
from delta_app.training import metric_names as names
from delta_app.ui.chart import draw_chart
from delta_app.ui.run_tab_choices import TabChoices

POINTS = 600
"""Of each series: more than a chart of half the page has pixels for."""

HEIGHT, LOW_HEIGHT = 270, 160

_SHOWN = (*names.BY_STEP, names.TRAIN_TOP1, names.VAL_TOP1)


def draw(record: RunRecord, choices: TabChoices) -> None:
    """The tab: the charts as the run stands now."""
    _charts(record, log=choices.loss == "log")


def _charts(record: RunRecord, *, log: bool) -> None:
    series = runs.curves(record.id, _SHOWN, max_points=POINTS)
    left, right = st.columns(2)
    with left:
        draw_chart(
            loss_by_term(series, record.color, log=log, height=HEIGHT),
            key="run_loss",
            height=HEIGHT,
            alt="Loss and its terms over epochs",
        )
        draw_chart(
            learning_rate(series, record.color, height=LOW_HEIGHT),
            key="run_learning_rate",
            height=LOW_HEIGHT,
            alt="Learning rate over epochs",
        )
    with right:
        draw_chart(
            accuracy(
                series,
                record.color,
                best_epoch=record.best_epoch,
                test_top1=record.test_top1,
                height=HEIGHT,
            ),
            key="run_accuracy",
            height=HEIGHT,
            alt="Training and validation accuracy over epochs",
        )
        st.caption(explanation(record, series))


def explanation(record: RunRecord, series: Mapping[str, Series]) -> str:
    """What one must know to read these curves."""
    return " ".join(
        filter(
            None,
            (
                "The loss is each batch's as it was minimised; training accuracy is of the "
                "pictures as cropped, while the network was changing.",
                _batchnorm(record, series),
            ),
        )
    )


def _batchnorm(record: RunRecord, series: Mapping[str, Series]) -> str:
    """Why the penalty is not zero at the starting point, where BatchNorm makes it so."""
    config = config_of(record)
    if config is None or config.optimization.batchnorm != "train":
        return ""
    if not method(config.method.method).compares_feature_maps:
        return ""
    penalty, loss = series.get(names.LOSS_BACKBONE), series.get(names.LOSS_CROSS_ENTROPY)
    if penalty is None or loss is None or not len(penalty) or not len(loss):
        return ""
    first, entropy = float(penalty.values[0]), float(loss.values[0])
    if first < 0.01 * entropy:  # a network without BatchNorm
        return ""
    return (
        f"**Why α·Ω starts at {significant(first)}, beside a cross-entropy of "
        f"{significant(entropy)}:** the weights are still the source's, but the target "
        "normalises each batch by its own "
        "statistics while the frozen source uses those it was pretrained with, so their feature "
        "maps differ from the first step. With frozen BatchNorm statistics it starts at 0."
    )

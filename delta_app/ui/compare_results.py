"""Results of several runs: a table, and their curves laid over one another."""

from __future__ import annotations

import streamlit as st

from delta_app.figures.run_curves import run_curves
from delta_app.services import comparison
from delta_app.services.comparison import Comparison
from delta_app.training import metric_names as names
from delta_app.ui.chart import draw_chart
from delta_app.ui.compare_tables import draw_results
from delta_app.ui.messages import store_trouble_said
from delta_app.ui.run_choice import choose

HEIGHT = 320
REFRESH_SECONDS = 3.0
WIDTHS = (4, 5)

_ACCURACIES = {
    names.VAL_TOP1: "Validation",
    names.TRAIN_TOP1: "Training",
    names.VAL_BALANCED: "Balanced validation",
}
_LOSSES = {
    names.LOSS_CROSS_ENTROPY: "Cross-entropy",
    names.LOSS_BACKBONE: "α·backbone",
    names.LOSS_HEAD: "β·head",
    names.LOSS_TOTAL: "Total",
    names.VAL_CROSS_ENTROPY: "Validation",
}
_SCALES = {"log": "Log", "linear": "Linear"}


def draw(found: Comparison, choices: str) -> None:
    """The table; then accuracy at the left, loss at the right, each of the chosen kind."""
    ids = tuple(each.run.id for each in found.runs)
    going = REFRESH_SECONDS if found.goes_on else None
    st.fragment(store_trouble_said(_table), run_every=going)(ids)
    left, right = st.columns(WIDTHS)
    with left:
        accuracy = choose(
            choices, "accuracy", _with_data(found), label="Accuracy", words=_ACCURACIES.__getitem__
        )
    with right, st.container(horizontal=True):
        loss = choose(choices, "loss", tuple(_LOSSES), label="Loss", words=_LOSSES.__getitem__)
        scale = choose(
            choices, "scale", tuple(_SCALES), label="Loss axis", words=_SCALES.__getitem__
        )
    charts = store_trouble_said(_charts)
    st.fragment(charts, run_every=going)(ids, accuracy, loss, scale == "log")


def _table(ids: tuple[str, ...]) -> None:
    draw_results(comparison.compare(ids))


def _with_data(found: Comparison) -> tuple[str, ...]:
    """Accuracies, those of validation last where no run has validation pictures."""
    validated = any(each.run.val_top1 is not None for each in found.runs) or found.goes_on
    ordered = tuple(_ACCURACIES)
    return ordered if validated else (names.TRAIN_TOP1,)


def _charts(ids: tuple[str, ...], accuracy: str, loss: str, log: bool) -> None:
    found = comparison.compare(ids)
    left, right = st.columns(WIDTHS)
    with left:
        draw_chart(
            run_curves(
                comparison.curves(found, accuracy),
                key=f"compare_{accuracy}",
                title=f"{_ACCURACIES[accuracy]} accuracy",
                y="Accuracy (%)",
                share=True,
                height=HEIGHT,
            ),
            key="compare_accuracy",
            height=HEIGHT,
            alt=f"{_ACCURACIES[accuracy]} accuracy of every run over epochs",
        )
    title = "Validation cross-entropy" if loss == names.VAL_CROSS_ENTROPY else _LOSSES[loss]
    with right:
        draw_chart(
            run_curves(
                comparison.curves(found, loss),
                key=f"compare_{loss}",
                title=title,
                y="Loss",
                log=log,
                height=HEIGHT,
            ),
            key="compare_loss",
            height=HEIGHT,
            alt=f"{title} of every run over epochs",
        )

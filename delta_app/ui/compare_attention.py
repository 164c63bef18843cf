"""Attention of one behaviour layer by every run, on one value axis."""

from __future__ import annotations

from typing import cast

import streamlit as st

from delta_app.figures.attention_bars import Order, attention_bars, highest_bar
from delta_app.services.comparison import ComparedRun, Comparison
from delta_app.services.comparison_inside import attentions, common_layers
from delta_app.services.shown_attention import ShownAttention, wanted_attention
from delta_app.ui.messages import plain
from delta_app.ui.run_choice import choose, choose_layer

HEIGHT = 260
_ORDERS = {"sorted": "Sorted", "filter": "Filter order"}


def draw(found: Comparison, choices: str) -> None:
    """Layer and order to choose; two charts a row; what has no bars is said beneath."""
    layers = common_layers(found)
    if not layers:
        st.info(
            "These runs have no behaviour layer in common, so there is nothing to lay side by "
            "side.",
            icon=":material/layers:",
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        layer = choose_layer(choices, layers)
        order = choose(choices, "order", tuple(_ORDERS), label="Order", words=_ORDERS.__getitem__)
    all_runs = attentions(found)
    shown = [
        (each, attention)
        for each, attention in all_runs
        if attention is not None and layer in attention.weights
    ]
    highest = highest_bar([attention.weights[layer] for _, attention in shown])
    for start in range(0, len(shown), 2):
        for column, (each, attention) in zip(st.columns(2), shown[start : start + 2], strict=False):
            with column:
                _bars(each, attention, layer, cast(Order, order), highest)
    without = [each for each, attention in all_runs if (each, attention) not in shown]
    if without:
        st.caption("  \n".join(_why_not(each) for each in without))


def _bars(
    each: ComparedRun, attention: ShownAttention, layer: str, order: Order, highest: float
) -> None:
    measured = attention.measured[layer]
    st.plotly_chart(
        attention_bars(
            layer,
            attention.weights[layer],
            each.run.color,
            importance=measured.importance,
            standard_error=measured.standard_error,
            order=order,
            highest=highest,
            title=f"{each.run.name} · {attention.kind}",
            height=HEIGHT,
        ),
        key=f"compare_attention_{each.run.id}",
        height=HEIGHT,
        alt=f"Attention of {layer} in {each.run.name}",
    )


def _why_not(each: ComparedRun) -> str:
    kind = wanted_attention(each.run)
    words = {
        None: f"{each.run.method_label} does not weigh filters",
        "uniform": "every filter weighs the same, C·W = 1",
    }.get(kind, "its attention is not measured yet")
    return f"{plain(each.run.name)}: {plain(words)}."

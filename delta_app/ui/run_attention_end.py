"""The run page's attention at the end of fine-tuning, beside where it began."""

from __future__ import annotations

import math

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.figures.attention_bars import Order, attention_bars, highest_bar
from delta_app.formatting import counted
from delta_app.runs.description import ATTENTION_COLOR
from delta_app.runs.records import RunRecord
from delta_app.services import runs
from delta_app.services.attention_end import EndOfAttention, end_of_attention
from delta_app.services.shown_attention import ShownAttention
from delta_app.ui import navigation
from delta_app.ui.attention_words import signed
from delta_app.ui.chart import draw_chart
from delta_app.ui.messages import error_text, plain
from delta_app.ui.run_choice import choose_layer

HEIGHT = 250


def draw(record: RunRecord, layer: str | None, order: Order) -> None:
    """A button that measures the fine-tuned network, or what that found.

    Args:
        layer: the one that is shown above; None where none is, and one is chosen here.
    """
    st.markdown("##### At the end of fine-tuning")
    try:
        found = end_of_attention(record)
    except DeltaAppError as error:
        st.error(error_text(error))
        return
    if found.run is None:
        _offer(record)
    elif found.end is None:
        _goes_on(found.run)
    else:
        _side_by_side(record, found, found.run, found.end, layer, order)
    if _ended_before_its_end(found):
        _measure(record)


def _ended_before_its_end(found: EndOfAttention) -> bool:
    """Whether the measurement has ended and has left a part alone, or nothing."""
    if found.run is None or not found.run.status.ended:
        return False
    return found.end is None or not found.end.complete


def _offer(record: RunRecord) -> None:
    st.caption(
        "The fine-tuned network can be measured like the source was: the same filters, its own "
        "head, the same training pictures. It shows which filters came to matter."
    )
    _measure(record)


def _measure(record: RunRecord) -> None:
    if st.button("Measure the fine-tuned network", key="run:measure-end"):
        try:
            runs.submit_attention_of(record.id)
        except DeltaAppError as error:
            st.error(error_text(error))
            return
        st.rerun()


def _goes_on(run: RunRecord) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{plain(runs.status_words(run))}.", width="content")
        navigation.attention_link(run.id, "Watch it", icon=":material/monitoring:")


def _side_by_side(
    record: RunRecord,
    found: EndOfAttention,
    run: RunRecord,
    end: ShownAttention,
    layer: str | None,
    order: Order,
) -> None:
    """Bars of start and end on one value axis, filter under filter; how alike their ranks are."""
    if layer is None:
        layer = choose_layer(record.id, found.layers)
    if layer not in end.measured:
        st.caption(f"{plain(layer)} was not measured at the end.")
        return
    start = found.start
    shown = [("At the end", "end", end)]
    if start is not None and layer in start.measured:
        shown.insert(0, ("At the start", "start", start))
    first = shown[0][2]
    as_at_start = "Filters, in the order of the start" if order == "sorted" else None
    highest = highest_bar([each.weights[layer] for _, _, each in shown])
    for column, (words, name, each) in zip(st.columns(len(shown)), shown, strict=True):
        with column:
            measured = each.measured[layer]
            draw_chart(
                attention_bars(
                    f"{layer}_{name}",
                    each.weights[layer],
                    ATTENTION_COLOR,
                    importance=measured.importance,
                    standard_error=measured.standard_error,
                    order=order,
                    sorted_by=first.weights[layer],
                    highest=highest,
                    title=words,
                    x=as_at_start if each is not first else None,
                    height=HEIGHT,
                ),
                key=f"run_attention_{name}",
                height=HEIGHT,
                alt=f"Attention of {layer} {words.lower()}",
            )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_words(found, end, layer), width="content")
        navigation.attention_link(
            run.id, "See whether to believe it", layer=layer, icon=":material/equalizer:"
        )


def _words(found: EndOfAttention, end: ShownAttention, layer: str) -> str:
    until = "" if end.complete else ", then stopped before its end"
    measured = f"Measured on {counted(end.pictures, 'training picture')}{until}."
    correlation = found.rank_correlation(layer)
    if math.isnan(correlation):
        return measured
    return f"Rank correlation of start and end {signed(correlation)}. {measured}"

"""The run page's attention: a bar a filter, one behaviour layer at a time."""

from __future__ import annotations

import math
from typing import Literal

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.figures.attention_bars import Order, attention_bars
from delta_app.figures.base import empty_figure
from delta_app.formatting import counted, duration, percent
from delta_app.runs.records import ATTENTION, RunRecord
from delta_app.services import runs
from delta_app.services.attention_end import has_an_end
from delta_app.services.attention_origin import origin_of
from delta_app.services.shown_attention import ShownAttention, shown_attention, wanted_attention
from delta_app.ui import navigation, run_attention_end
from delta_app.ui.chart import draw_chart
from delta_app.ui.messages import error_text, plain
from delta_app.ui.run_tab_choices import TabChoices

HEIGHT = 340


def draw(record: RunRecord, choices: TabChoices) -> None:
    """The tab: the bars of the chosen layer, which come once they are measured."""
    kind, ends = wanted_attention(record), has_an_end(record)
    if kind is None or kind == "uniform":
        height: int | Literal["content"] = "content" if ends else HEIGHT
        with st.container(height=height, border=False, key="run_no_attention"):
            st.info(_without(record), icon=":material/info:")
        if ends:
            run_attention_end.draw(record, None, "sorted")
        return
    layer, order = choices.layer, choices.order
    if layer is None or order is None:
        _no_layers_yet(record)
        return
    _bars(record, layer, order)
    if ends:
        run_attention_end.draw(record, layer, order)


def _bars(record: RunRecord, layer: str, order: Order) -> None:
    try:
        found = shown_attention(record)
    except DeltaAppError as error:
        st.error(error_text(error))
        return
    if found is None or layer not in found.weights:
        words = (
            "It ended before the attention was measured."
            if not record.status.unfinished
            else runs.status_words(record)
        )
        figure = empty_figure(words, key="attention_empty", title=layer, height=HEIGHT)
        note = "The bars come once every filter is measured."
    else:
        measured = found.measured[layer]
        figure = attention_bars(
            layer,
            found.weights[layer],
            record.color,
            importance=measured.importance,
            standard_error=measured.standard_error,
            order=order,
            height=HEIGHT,
        )
        note = _words(found, layer)
    draw_chart(figure, key="run_attention", height=HEIGHT, alt=f"Attention of {layer}")
    st.caption(note)
    if found is not None:
        _origin(record, layer)


def _origin(record: RunRecord, layer: str) -> None:
    """Which attention the run took, and the way to where it was measured."""
    origin = origin_of(record)
    if origin is None or record.kind == ATTENTION:
        words = ""
    elif origin.kind == "own":
        words = "Measured by this run, before its first step."
    elif origin.kind == "reused" and origin.run is not None:
        words = f"Measured by {plain(origin.run.name)}, with these very settings, and reused."
    elif origin.run is not None:
        words = f"Taken from {plain(origin.run.name)}."
    else:
        words = f"Read from {plain(origin.file)}."
    if origin is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="run_attention_origin"):
        if words:
            st.caption(words, width="content")
        if origin.run is not None:
            navigation.attention_link(
                origin.run.id,
                "See whether to believe it",
                layer=layer,
                icon=":material/equalizer:",
            )


_IMPORTANCE = {
    "exact": "the rise in cross-entropy when the filter is disabled",
    "first-order": "the slope of the cross-entropy as the filter is turned down",
    "combined": "the rise in cross-entropy when the filter is disabled, estimated with the help "
    "of its slope on all training pictures",
}


def _words(found: ShownAttention, layer: str) -> str:
    channels = len(found.weights[layer])
    measured = found.measured[layer].reliability
    known = "" if math.isnan(measured) else f", reliability {percent(measured, 0)}"
    what = _IMPORTANCE.get(found.estimator, _IMPORTANCE["exact"])
    return (
        f"{_how(found)}: importance is {what}. {counted(channels, 'filter')}, effective share "
        f"{percent(found.effective_share(layer), 0)}{known}. The dashed line is uniform attention, "
        "C·W = 1; point at a bar for its importance and standard error."
    )


def _how(found: ShownAttention) -> str:
    """How the attention came about, as the beginning of a sentence."""
    if not found.pictures:
        return "Made of the importances in a file of the authors' form"
    by = {
        "learned": "Measured",
        "shuffled": "Measured, then shuffled within each layer as a control; it was measured",
        "given": "Read from a file; it was measured",
    }[found.kind]
    on = f"{by} on {counted(found.pictures, 'training picture')} in {duration(found.seconds)}"
    return on if found.complete else f"{on}, then stopped before its end"


def _without(record: RunRecord) -> str:
    if wanted_attention(record) == "uniform":
        return (
            "The attention of this run is uniform: every filter weighs the same, so nothing was "
            "measured. To see which filters matter, run it again with learned attention."
        )
    return (
        f"{record.method_label} does not weigh filters, so there is no attention to show. DELTA "
        "measures how much the loss rises when each filter is disabled, and holds the filters "
        "that matter most."
    )


def _no_layers_yet(record: RunRecord) -> None:
    words = (
        "It ended before the network was built."
        if not record.status.unfinished
        else f"{plain(runs.status_words(record))}. The layers are known once the network is built."
    )
    with st.container(height=HEIGHT, border=False, key="run_no_layers"):
        st.info(words, icon=":material/hourglass_top:")

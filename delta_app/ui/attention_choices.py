"""The Attention page's narrow column: which measurement, layer, order, temperature and filter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import streamlit as st

from delta_app.formatting import percent
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.services.attention_layers import LayerView, Order, layer_view, temperatures
from delta_app.services.measured_attention import Measurement
from delta_app.ui import navigation
from delta_app.ui.messages import plain
from delta_app.ui.run_choice import begin, choice_key, choose, keep
from delta_app.ui.run_states import state_of

Shown = Literal["importance", "attention"]

_SHOWN = {"importance": "Importance", "attention": "Attention"}
_ORDERS = {
    "sorted": "Most important first",
    "filter": "As in the layer",
    "ends": "Most and least important",
}
AT_EACH_END = 20


@dataclass(frozen=True)
class Choices:
    """What the charts are drawn by.

    Attributes:
        view: the chosen layer at the chosen temperature.
        at_each_end: how many filters the order "ends" has at each of its ends.
        filter: the chosen one; the most important one until another is chosen.
    """

    view: LayerView
    shown: Shown
    order: Order
    at_each_end: int
    filter: int


def choose_run(
    records: Sequence[RunRecord],
    current: RunRecord | None,
    *,
    width: int | Literal["stretch"] = "stretch",
) -> None:
    """The list of measurements, and the button for a new one; another choice opens that one.

    The list's key is the run that is shown, so that it always stands on it.

    Args:
        current: None while a new one is set up.
    """
    by_id = {record.id: record for record in records}
    if records:
        chosen = st.selectbox(
            "Measurement",
            tuple(by_id),
            key=f"attention:run:{current.id if current else ''}",
            index=tuple(by_id).index(current.id) if current else None,
            format_func=lambda run_id: _run_words(by_id[run_id]),
            placeholder="Back to a measurement",
            label_visibility="collapsed",
            width=width,
        )
        if chosen is not None and (current is None or chosen != current.id):
            navigation.show_in_address({"run": chosen, "new": None})
            st.rerun()
    if current is not None:
        st.page_link(
            navigation.ATTENTION,
            label="New measurement",
            icon=":material/add:",
            query_params={"new": navigation.NEW},
        )
        st.caption(plain(about_words(current)))


def about_words(run: RunRecord) -> str:
    """ "mobilenet_v2 on dtd10", or whose fine-tuned network was measured."""
    settings = run.config.get("run", run.config).get("attention", {})
    trained = settings.get("attention_of")
    if trained:
        return f"{run.backbone} as fine-tuned in {Path(trained).name}, on {run.dataset}"
    return f"{run.backbone} on {run.dataset}"


def _run_words(record: RunRecord) -> str:
    """The run's name; its state where it is not completed."""
    if record.status is RunStatus.COMPLETED:
        return record.name
    return f"{record.name} ({state_of(record).label.lower()})"


def choose_view(measurement: Measurement) -> Choices:
    """Layer, what is shown, in which order, temperature and filter; all stand in the address."""
    run_id = measurement.run.id
    layer = _choose_layer(measurement)
    shown = choose(run_id, "show", tuple(_SHOWN), label="Shown", words=_SHOWN.__getitem__)
    order = _choose_order(run_id)
    at_each_end = _choose_number(run_id) if order == "ends" else AT_EACH_END
    with st.container(gap=None):
        view = layer_view(measurement, layer, _choose_temperature(measurement))
        st.caption(_share_words(view, layer_view(measurement, layer)))
    return Choices(
        view, cast(Shown, shown), cast(Order, order), at_each_end, _choose_filter(run_id, view)
    )


def _choose_layer(measurement: Measurement) -> str:
    """A list, each layer with its reliability."""
    layers = measurement.layers
    key, default = choice_key(measurement.run.id, "layer"), layers[-1]
    captions = [_reliability(measurement.found.layers[layer].reliability) for layer in layers]
    chosen = st.radio(
        "Behaviour layer",
        layers,
        index=layers.index(begin(key, "layer", layers, default)),
        key=key,
        captions=captions,
        format_func=plain,
    )
    keep("layer", chosen, default)
    return chosen


def _reliability(share: float) -> str:
    return "reliability unknown" if math.isnan(share) else f"reliability {percent(share, 0)}"


def _choose_order(run_id: str) -> str:
    key, options = choice_key(run_id, "order"), tuple(_ORDERS)
    chosen = st.selectbox(
        "Order",
        options,
        index=options.index(begin(key, "order", options, options[0])),
        key=key,
        format_func=_ORDERS.__getitem__,
        label_visibility="collapsed",
    )
    keep("order", chosen, options[0])
    return chosen


def _choose_number(run_id: str) -> int:
    key = choice_key(run_id, "ends")
    options = ("5", "10", "20", "40", "80")
    chosen = st.select_slider(
        "Filters at each end",
        options,
        value=begin(key, "ends", options, str(AT_EACH_END)),
        key=key,
    )
    keep("ends", chosen, str(AT_EACH_END))
    return int(chosen)


def _choose_temperature(measurement: Measurement) -> float:
    key, default = choice_key(measurement.run.id, "temperature"), f"{measurement.temperature:g}"
    options = [f"{each:g}" for each in temperatures(measurement.temperature)]
    chosen = st.select_slider(
        "Temperature",
        options,
        value=begin(key, "temperature", options, default),
        key=key,
        help="What the standardised importances are divided by before the softmax; the authors "
        "take 5. Moving it redraws the attention here and changes nothing that was measured. The "
        "effective share is exp(entropy of W)/C: 100 % where every filter weighs alike.",
    )
    keep("temperature", chosen, default)
    return float(chosen)


def _share_words(view: LayerView, as_measured: LayerView) -> str:
    """ "Effective share 91 %", and what it is as measured where that differs."""
    words = f"Effective share {percent(view.effective_share, 0)}"
    if view.temperature == as_measured.temperature:
        return words
    own = f"{percent(as_measured.effective_share, 0)} at {as_measured.temperature:g}"
    return f"{words}; {own}"


def _choose_filter(run_id: str, view: LayerView) -> int:
    """A number to type; a click on a chart changes it too (`pick`)."""
    chosen = _filter_of(run_id, view)
    key = _filter_key(run_id, view.name)
    turn = st.session_state.get(f"{key}:turn", 0)
    start = st.session_state.setdefault(f"{key}:begin:{turn}", chosen)
    widget = f"{key}:{turn}"

    def take() -> None:
        # The browser may still send the field as it was before a click on a chart.
        if st.session_state.get(f"{key}:turn", 0) == turn:
            st.session_state[key] = st.session_state[widget]

    st.number_input(
        "Filter",
        0,
        view.channels - 1,
        value=start,
        key=widget,
        on_change=take,
        help="Click a bar, a point or a column to choose its filter.",
    )
    default = view.ranking[0]
    navigation.show_in_address({"filter": None if chosen == default else chosen})
    return chosen


def pick(run_id: str, layer: str, filter: int) -> None:
    """Choose a filter from outside its field."""
    key = _filter_key(run_id, layer)
    st.session_state[key] = filter
    st.session_state[f"{key}:turn"] = st.session_state.get(f"{key}:turn", 0) + 1


def _filter_of(run_id: str, view: LayerView) -> int:
    """The layer's chosen filter: what the address says when the page is opened."""
    key, seen = _filter_key(run_id, view.name), choice_key(run_id, "filter:layer")
    if key not in st.session_state:
        asked = navigation.query("filter") or ""
        # A number in the address belongs to the layer that the page was opened with.
        opening = seen not in st.session_state
        fits = opening and asked.isdecimal() and int(asked) < view.channels
        st.session_state[key] = int(asked) if fits else view.ranking[0]
    st.session_state[seen] = view.name
    return int(st.session_state[key])


def _filter_key(run_id: str, layer: str) -> str:
    return choice_key(run_id, f"filter:{layer}")

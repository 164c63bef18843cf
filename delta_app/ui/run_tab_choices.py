"""The choices of the run page's tabs: all are drawn at all times, those of closed tabs hidden.

A widget that goes with its tab and comes back is forgotten by the browser some time after it went,
and with it a click on what still stood on the screen. So none goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.figures.attention_bars import Order
from delta_app.runs.records import ATTENTION, RunRecord
from delta_app.services.run_pictures import RunPicture, RunPictures, pictures_of
from delta_app.services.shown_attention import shown_attention, wanted_attention
from delta_app.ui.run_choice import choose, choose_layer
from delta_app.ui.run_strip import choose_picture

CURVES, BARS, MAPS = "Curves", "Attention", "Feature maps"

_SHOWN_IN = {
    "loss": (CURVES,),
    "picture": (MAPS,),
    "layer": (BARS, MAPS),
    "order": (BARS,),
}
"""Choice -> the tabs that have it."""

_SCALES = {"linear": "Linear loss", "log": "Log loss"}
_ORDERS = {"sorted": "Sorted", "filter": "Filter order"}

T = TypeVar("T")


@dataclass(frozen=True)
class TabChoices:
    """What was chosen; None where there is nothing to choose from yet, or never."""

    loss: str | None = None
    picture: RunPicture | None = None
    layer: str | None = None
    order: Order | None = None


def draw(record: RunRecord, open_tab: str) -> TabChoices:
    """Draw the choices of every tab of this run; only the open tab's are seen."""
    trains, layers = record.kind != ATTENTION, layers_of(record)
    weighs = wanted_attention(record) not in (None, "uniform")
    pictures = _pictures(record) if trains and layers else None
    there = {
        "loss": trains,
        "picture": pictures is not None,
        "layer": bool(layers) and (trains or weighs),
        "order": bool(layers) and weighs,
    }
    seen = {name for name, tabs in _SHOWN_IN.items() if there[name] and open_tab in tabs}
    if open_tab == BARS and not weighs:
        seen.discard("layer")
    st.html(f"<style>{_hidden(there, seen)}</style>")

    def drawn(name: str, choice: Callable[[], T]) -> T | None:
        if not there[name]:
            return None
        with st.container(
            key=f"choice_{name}", width="stretch" if name == "picture" else "content"
        ):
            return choice()

    run_id = record.id
    with st.container(key="run_choices"):
        picture = drawn("picture", lambda: choose_picture(run_id, cast(RunPictures, pictures)))
        with st.container(horizontal=True, vertical_alignment="center", key="run_choices_row"):
            loss = drawn("loss", lambda: _choose(run_id, "loss", _SCALES, "Loss axis"))
            layer = drawn("layer", lambda: choose_layer(run_id, layers))
            order = drawn("order", lambda: _choose(run_id, "order", _ORDERS, "Order"))
    return TabChoices(loss, picture, layer, cast(Order | None, order))


def layers_of(record: RunRecord) -> tuple[str, ...]:
    """The behaviour layers, known once the network is built; before that none."""
    said = record.facts.get("behaviour_layers")
    if said:
        return tuple(str(layer) for layer in said)
    try:
        found = shown_attention(record)
    except DeltaAppError:
        return ()
    return tuple(found.weights) if found else ()


def _pictures(record: RunRecord) -> RunPictures | None:
    try:
        return pictures_of(record)
    except DeltaAppError:
        return None


def _choose(run_id: str, name: str, words: dict[str, str], label: str) -> str:
    return choose(run_id, name, tuple(words), label=label, words=words.__getitem__)


def _hidden(there: dict[str, bool], seen: set[str]) -> str:
    """Hide what is not seen, and the frames around it, which would leave a gap."""
    hidden = [f"choice_{name}" for name in there if name not in seen]
    if not seen:
        hidden.append("run_choices")
    elif seen == {"picture"}:
        hidden.append("run_choices_row")
    frame = '[data-testid="stLayoutWrapper"]'
    return f"{', '.join(f'{frame}:has(> .st-key-{key})' for key in hidden)} {{ display: none; }}"

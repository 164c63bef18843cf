"""Whether the order of the filters holds on held-back pictures, as the Attention page shows it."""

from __future__ import annotations

from typing import cast

import streamlit as st

from delta_app.attention.faithfulness import Faithfulness, LayerFaithfulness
from delta_app.data.records import SPLIT_WORDS, SplitName
from delta_app.errors import DeltaAppError
from delta_app.figures.faithfulness_curves import Quantity, faithfulness_curves
from delta_app.formatting import counted
from delta_app.runs.description import ATTENTION_COLOR
from delta_app.runs.records import ATTENTION, RunRecord
from delta_app.services import attention_again
from delta_app.services.measured_attention import Measurement
from delta_app.ui import navigation
from delta_app.ui.attention_words import number
from delta_app.ui.chart import draw_chart
from delta_app.ui.messages import error_box, error_text
from delta_app.ui.run_choice import choose

WORDS_HEIGHT = 46
"""Px of the two lines beneath the curves."""

_QUANTITIES = {"loss": "Loss", "accuracy": "Accuracy"}


def faithfulness(measurement: Measurement, layer: str, height: int) -> None:
    """The curves of a layer with what they say; how to get them where there are none.

    Args:
        height: px of curves and words, or of what stands in their place.
    """
    try:
        found = measurement.faithfulness()
    except DeltaAppError as error:
        st.error(error_text(error))
        return
    if found is None or layer not in found.layers:
        _not_measured(measurement, height)
        return
    chart = st.container()
    switch, words = st.columns([1, 1.7], vertical_alignment="center")
    with switch:
        quantity = choose(
            measurement.run.id,
            "curves",
            tuple(_QUANTITIES),
            label="Curves",
            words=_QUANTITIES.__getitem__,
        )
    words.caption(verdict(found, layer))
    with chart:
        draw_chart(
            faithfulness_curves(
                layer,
                found.layers[layer],
                ATTENTION_COLOR,
                quantity=cast(Quantity, quantity),
                title=title(found.layers[layer]),
                narrow=True,
                height=height - WORDS_HEIGHT,
            ),
            key="attention_faithfulness",
            height=height - WORDS_HEIGHT,
            alt=f"{_QUANTITIES[quantity]} as the filters of {layer} are disabled in their order",
        )


def title(layer: LayerFaithfulness) -> str:
    """ "Faithfulness: 0.52 nats between the orders"."""
    return f"Faithfulness: {number(layer.area)} nats between the orders"


def verdict(found: Faithfulness, layer: str) -> str:
    """Markdown: whether the order is better than chance, and on what that was measured."""
    said = (
        "Beats every random order at both ends"
        if found.layers[layer].better_than_random
        else "**No better than random:** trust no single filter of this layer"
    )
    pictures = counted(found.pictures, f"{SPLIT_WORDS[cast(SplitName, found.split)]} picture")
    return f"{said} ({pictures}, {counted(found.orders, 'order')})."


def _not_measured(measurement: Measurement, height: int) -> None:
    """What it would tell, and a button that measures it, unless it is measured just now, or cannot
    be."""
    run = measurement.run
    comes = not run.status.ended and run.kind == ATTENTION
    with st.container(height=height, border=True, key="attention_no_faithfulness"):
        st.markdown(f"**Faithfulness** {'is being' if comes else 'was not'} measured")
        st.caption(
            "It disables the layer's filters one after another on held-back pictures: most "
            "important first, least important first, and in random orders. Where the order means "
            "something, the first harms most."
        )
        if comes:
            return
        if not measurement.holds_back:
            _nothing_held_back(run)
            return
        if st.button("Measure faithfulness", key="attention:faithfulness"):
            try:
                run_id = attention_again.with_faithfulness(run)
            except DeltaAppError as error:
                error_box(error)
                return
            navigation.open_attention(run_id)
        if measurement.found.complete:
            st.caption("The importances are reused, not measured again.")


def _nothing_held_back(run: RunRecord) -> None:
    """Why it cannot be measured, and where pictures can be held back."""
    if attention_again.has_a_form(run):
        cure = "Give a validation or test share above 0 in a new measurement."
    else:
        cure = "Fine-tune with a validation or test share above 0, and measure that run's network."
    st.caption(f"**No pictures are held back:** all of them train, none validates or tests. {cure}")
    if attention_again.has_a_form(run):
        navigation.measure_again_link(run.id, "New measurement", icon=":material/add:")

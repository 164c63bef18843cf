"""One layer of a measurement: bars, importance against attention, faithfulness, classes."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from delta_app.attention.by_picture import ByPicture
from delta_app.errors import DeltaAppError
from delta_app.figures.class_axis import MOST_NAMED
from delta_app.figures.class_heat_map import class_heat_map
from delta_app.figures.filter_bars import filter_bars
from delta_app.figures.importance_against_attention import importance_against_attention
from delta_app.figures.importance_distribution import importance_distribution
from delta_app.runs.description import ATTENTION_COLOR
from delta_app.services.attention_layers import LayerView, drawn_filters, first_filters
from delta_app.services.measured_attention import Measurement
from delta_app.ui import attention_filter, attention_words
from delta_app.ui.attention_choices import Choices, pick
from delta_app.ui.attention_faithfulness import faithfulness
from delta_app.ui.attention_live import BARS_HEIGHT
from delta_app.ui.attention_words import MEASURED, RELIABILITY, axis_words, quantity
from delta_app.ui.chart import draw_chart
from delta_app.ui.messages import error_text, plain

SIDE_HEIGHT = 256
COLUMNS = 60
"""Filters that the heat map has at most: more would be too narrow to point at."""

_ORDER_WORDS = {
    "sorted": "Filters, most important first",
    "filter": "Filters, as in the layer",
    "ends": "The most important filters, then the least important",
}


def headline(view: LayerView) -> None:
    """How far the layer's importances can be believed, in one sentence."""
    words = attention_words.reliability_words(view)
    st.markdown(f"**{plain(view.name)}** · {plain(words)}", help=RELIABILITY)


def measured(measurement: Measurement, view: LayerView) -> None:
    """How it was measured, on one line."""
    st.caption(plain(attention_words.measured_words(measurement, view)), help=MEASURED)


def draw(measurement: Measurement, choices: Choices) -> None:
    """The bars, two charts side by side, one filter, and beneath what has more room."""
    axis = axis_words(measurement)
    filters = drawn_filters(choices.view, choices.order, choices.at_each_end)
    _bars(measurement.run.id, choices, filters, axis)
    left, right = st.columns(2, gap="small")
    with left:
        _against_attention(measurement.run.id, choices, axis)
    with right:
        faithfulness(measurement, choices.view.name, SIDE_HEIGHT)
    one_filter = st.container(key="attention_filter")
    _beneath(measurement, choices, filters, axis)
    with one_filter:  # last: its pictures may have to pass the network first
        attention_filter.draw(measurement, choices)


def _bars(run_id: str, choices: Choices, filters: tuple[int, ...], axis: str) -> None:
    """Importance with its whiskers, or the attention that the temperature makes of it."""
    view = choices.view
    values: dict[str, Any]
    if choices.shown == "importance":
        values = {
            "title": "Importance of each filter, with 95\N{THIN SPACE}% intervals",
            "values": view.measured.importance,
            "whiskers": view.whiskers,
            "y": axis,
        }
    else:
        values = {
            "title": f"Attention of each filter at temperature {view.temperature:g}",
            "values": view.relative_attention,
            "base": 1.0,
            "y": "Attention, C·W",
        }
    figure = filter_bars(
        filters=filters,
        color=ATTENTION_COLOR,
        key=f"bars_{view.name}_{choices.shown}_{choices.order}_{choices.at_each_end}",
        x=_ORDER_WORDS[choices.order],
        hover=attention_words.hover_words(view),
        solid=view.told_from_zero.tolist(),
        chosen=choices.filter,
        height=BARS_HEIGHT,
        **values,
    )
    alt = f"{choices.shown.capitalize()} of the filters of {view.name}"
    _chart(run_id, view, figure, "bars", BARS_HEIGHT, alt)


def _against_attention(run_id: str, choices: Choices, axis: str) -> None:
    view = choices.view
    figure = importance_against_attention(
        view.measured.importance,
        view.relative_attention,
        ATTENTION_COLOR,
        key=f"scatter_{view.name}",
        x=axis,
        hover=attention_words.hover_words(view),
        solid=view.told_from_zero.tolist(),
        chosen=choices.filter,
        height=SIDE_HEIGHT,
    )
    alt = f"Attention of the filters of {view.name} over their importance"
    _chart(run_id, view, figure, "scatter", SIDE_HEIGHT, alt)


def _beneath(
    measurement: Measurement, choices: Choices, filters: tuple[int, ...], axis: str
) -> None:
    """The distribution, and beside it classes and filters where they are known."""
    view = choices.view
    try:
        known = measurement.by_picture()
    except DeltaAppError as error:
        st.error(error_text(error))
        known = None
    left, right = st.columns([1, 2], gap="small") if known else (st.container(), None)
    with left:
        _chart(
            measurement.run.id,
            view,
            importance_distribution(
                view.measured.importance,
                ATTENTION_COLOR,
                key=f"distribution_{view.name}",
                x=axis,
                chosen=choices.filter,
                height=SIDE_HEIGHT,
            ),
            "distribution",
            SIDE_HEIGHT,
            f"Distribution of importance over the filters of {view.name}",
        )
    if known is not None and right is not None:
        with right:
            _by_class(measurement, known, choices, filters)


def _by_class(
    measurement: Measurement, known: ByPicture, choices: Choices, filters: tuple[int, ...]
) -> None:
    """Classes and filters; only as many filters as can be told apart."""
    view = choices.view
    shown = first_filters(filters, choices.filter, COLUMNS)
    height = max(SIDE_HEIGHT, 90 + 17 * min(len(known.classes), MOST_NAMED))
    words = _ORDER_WORDS[choices.order]
    if len(shown) < len(filters):
        words += f"; {len(shown)} of {len(filters)}"
    _chart(
        measurement.run.id,
        view,
        class_heat_map(
            known.layers[view.name].by_class,
            known.layers[view.name].by_class_error,
            known.classes,
            shown,
            key=f"classes_{view.name}_{choices.order}",
            title=f"{quantity(measurement)} by class",
            x=words,
            unit="nats",
            chosen=choices.filter,
            height=height,
        ),
        "classes",
        height,
        f"{quantity(measurement)} of each class for the filters of {view.name}",
    )


def _chart(
    run_id: str,
    view: LayerView,
    figure: Any,
    name: str,
    height: int,
    alt: str,
) -> None:
    """A chart of the layer's filters; a click on one chooses it."""
    draw_chart(
        figure,
        key=f"attention_{name}",
        height=height,
        alt=alt,
        linked="attention",
        on_pick=partial(pick, run_id, view.name),
    )

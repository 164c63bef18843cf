from __future__ import annotations

import json
import time

import numpy as np
import plotly.graph_objects as go
import pytest

from delta_app.figures.chosen_filter import CHOSEN, PALE
from delta_app.figures.filter_bars import filter_bars

VALUES = [0.1, -0.4, 0.2, 0.3]
HOVER = ["zero", "one", "two", "three"]
INFINITE = float("inf")


def bars(values: object = VALUES, filters: object = (3, 1), **options: object) -> go.Figure:
    given = {"key": "k", "title": "layer1", "x": "Filters", "y": "nats", "hover": HOVER}
    return filter_bars(values, filters, "#123456", **given | options)


def test_bars_stand_in_the_order_asked_for() -> None:
    (trace,) = bars().data
    assert trace.y == pytest.approx([0.3, -0.4])
    assert [each[0] for each in trace.customdata] == [3, 1], "what a click on a bar says"
    assert list(trace.hovertext) == ["three", "one"]
    assert list(trace.x) == ["3", "1"], "what the axis says of them"


def test_whiskers_follow_their_bars_and_unknown_errors_have_none() -> None:
    (trace,) = bars(whiskers=[0.01, 0.02, 0.03, INFINITE]).data
    assert list(trace.error_y.array) == [0.0, 0.02]
    (without,) = bars(whiskers=[INFINITE] * 4).data
    assert without.error_y.array is None


def test_filters_that_cannot_be_told_from_zero_are_pale() -> None:
    (trace,) = bars(filters=(3, 1, 0), solid=[True, True, False, False]).data
    assert list(trace.marker.opacity) == [PALE, 1.0, 1.0]


def test_the_chosen_filter_has_its_own_colour_and_its_number() -> None:
    figure = bars(filters=(3, 1), chosen=1)  # the second bar
    assert list(figure.data[0].marker.color) == ["#123456", CHOSEN]
    assert [each.text for each in figure.layout.annotations] == ["<b>1</b>"]
    assert [shape.x0 for shape in figure.layout.shapes if shape.line.color == CHOSEN] == [1]


def test_a_chosen_filter_that_is_not_drawn_is_not_marked() -> None:
    figure = bars(chosen=0)
    assert figure.data[0].marker.color == "#123456"
    assert not figure.layout.annotations


def test_few_bars_have_their_numbers_beneath_and_many_have_not() -> None:
    assert bars().layout.xaxis.showticklabels
    many = bars(VALUES * 10, tuple(range(40)), hover=HOVER * 10)
    assert not many.layout.xaxis.showticklabels


def test_the_dashed_line_is_where_it_was_asked_for() -> None:
    assert [shape.y0 for shape in bars(base=1.0).layout.shapes] == [1.0]


def test_thousands_of_filters_are_one_light_trace() -> None:
    values = np.random.default_rng(0).normal(size=2048)
    started = time.perf_counter()
    figure = bars(values, range(2048), whiskers=np.abs(values), hover=["filter 123, 0.123"] * 2048)
    text = figure.to_json()
    assert time.perf_counter() - started < 2
    assert len(json.loads(text)["data"]) == 1
    assert len(text) < 300_000

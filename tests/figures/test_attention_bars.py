from __future__ import annotations

import json
import time

import numpy as np
import pytest

from delta_app.figures.attention_bars import attention_bars, highest_bar

ATTENTION = [0.1, 0.4, 0.2, 0.3]
IMPORTANCE = [0.0, 0.08, 0.01, 0.05]
ERROR = [0.002, 0.004, 0.001, 0.003]


def test_sorted_bars_start_with_the_most_attended_filter() -> None:
    (bars,) = attention_bars("layer1", ATTENTION, "#123456").data
    assert list(bars.customdata[:, 0]) == [1, 3, 2, 0]
    assert bars.y == pytest.approx([1.6, 1.2, 0.8, 0.4]), "C * W, 1 where uniform"
    assert bars.marker.color == "#123456"


def test_filter_order_is_the_layers() -> None:
    (bars,) = attention_bars("layer1", ATTENTION, "#123456", order="filter").data
    assert list(bars.customdata[:, 0]) == [0, 1, 2, 3]
    assert bars.y == pytest.approx([0.4, 1.6, 0.8, 1.2])


def test_bars_can_stand_in_the_order_of_another_attention() -> None:
    (bars,) = attention_bars("layer1", ATTENTION, "#123456", sorted_by=[0.3, 0.1, 0.2, 0.4]).data
    assert list(bars.customdata[:, 0]) == [3, 0, 2, 1]
    assert bars.y == pytest.approx([1.2, 0.4, 0.8, 1.6])


def test_hover_tells_importance_and_its_error_of_the_same_filter() -> None:
    (bars,) = attention_bars(
        "layer1", ATTENTION, "#123456", importance=IMPORTANCE, standard_error=ERROR
    ).data
    assert bars.customdata[0] == pytest.approx([1, 0.4, 0.08, 0.004])
    assert "importance %{customdata[2]" in bars.hovertemplate
    assert "± %{customdata[3]" in bars.hovertemplate


def test_errors_that_are_not_known_are_not_told() -> None:
    (bars,) = attention_bars(
        "layer1", ATTENTION, "#123456", importance=IMPORTANCE, standard_error=[np.inf] * 4
    ).data
    assert bars.customdata[0] == pytest.approx([1, 0.4, 0.08])
    assert "importance" in bars.hovertemplate
    assert "±" not in bars.hovertemplate


def test_uniform_attention_without_a_measurement_has_no_importance() -> None:
    (bars,) = attention_bars("layer1", [0.25] * 4, "#123456").data
    assert bars.y == pytest.approx([1.0] * 4)
    assert "importance" not in bars.hovertemplate


def test_marked_filters_stand_out_wherever_they_are_sorted_to() -> None:
    (bars,) = attention_bars("layer1", ATTENTION, "#123456", marked=[3]).data
    assert [o == 1.0 for o in bars.marker.opacity] == [False, True, False, False]


def test_side_by_side_the_value_axes_are_one() -> None:
    highest = highest_bar([ATTENTION, [0.5, 0.5]])
    assert highest == pytest.approx(1.6 * 1.05)
    assert attention_bars("a", [0.5, 0.5], "#123456", highest=highest).layout.yaxis.range == (
        0,
        highest,
    )


def test_thousands_of_filters_are_one_light_trace() -> None:
    rng = np.random.default_rng(0)
    attention = rng.dirichlet(np.ones(2048))
    started = time.perf_counter()
    figure = attention_bars(
        "layer4.2.conv3", attention, "#123456", importance=attention, standard_error=attention
    )
    text = figure.to_json()
    assert time.perf_counter() - started < 2
    assert len(figure.data) == 1
    assert len(json.loads(text)["data"]) == 1
    assert len(text) < 300_000

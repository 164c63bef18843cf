from __future__ import annotations

import pytest

from delta_app.figures.color_bar import color_bar
from delta_app.inspection.colors import css_colors
from delta_app.inspection.scale import Scale


def test_the_bar_runs_from_the_lowest_to_the_highest_value() -> None:
    figure = color_bar("viridis", Scale(2.0, 6.0), "Drift")
    (bar,) = figure.data
    assert bar.x[0] - bar.width / 2 == pytest.approx(2.0)
    assert bar.x[-1] + bar.width / 2 == pytest.approx(6.0)
    assert list(bar.marker.color) == list(css_colors("viridis", 64))
    assert list(figure.layout.xaxis.ticktext) == ["2.00", "4.00", "6.00"]
    assert figure.layout.xaxis.title.text == "Drift"


def test_both_ends_lie_inside_the_axis() -> None:
    low, high = color_bar("magma", Scale(0.1, 0.3), "Activation").layout.xaxis.range
    assert low < 0.1 < 0.3 < high


def test_colours_are_none_that_streamlit_replaces() -> None:
    (bar,) = color_bar("magma", Scale(0.0, 1.0), "Activation").data
    assert not any(color.startswith("#0000") for color in bar.marker.color)


def test_a_flat_map_has_a_bar_of_one_mark() -> None:
    figure = color_bar("magma", Scale(0.0, 0.0), "Activation")
    assert list(figure.layout.xaxis.ticktext) == ["0"]

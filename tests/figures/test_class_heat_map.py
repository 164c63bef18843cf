from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from strange_names import AS_TEXT, SHORT, SHORT_AS_TEXT, STRANGE

from delta_app.figures.chosen_filter import CHOSEN
from delta_app.figures.class_heat_map import class_heat_map

BY_CLASS = [[0.1, -0.6, 0.2], [0.0, 0.3, float("nan")]]
ERRORS = [[0.01, 0.02, float("inf")], [0.03, 0.04, float("nan")]]


def heat_map(filters: tuple[int, ...] = (2, 1), chosen: int | None = None) -> go.Figure:
    return class_heat_map(
        BY_CLASS, ERRORS, ("ants", "bees"), filters, key="k", title="t", x="Filters", unit="nats",
        chosen=chosen,
    )  # fmt: skip


def test_columns_are_the_filters_asked_for() -> None:
    (cells,) = heat_map().data
    assert np.array_equal(np.array(cells.z), [[0.2, -0.6], [np.nan, 0.3]], equal_nan=True)
    assert [each[0] for each in cells.customdata[1]] == [2, 1], "what a click on a column says"


def test_zero_is_in_the_middle_of_the_scale() -> None:
    (cells,) = heat_map().data
    assert (cells.zmin, cells.zmax) == (-0.6, 0.6)
    (cells,) = heat_map(filters=(0,)).data
    assert (cells.zmin, cells.zmax) == (-0.1, 0.1)


def test_what_is_told_names_filter_class_and_error_where_it_is_known() -> None:
    (cells,) = heat_map().data
    assert cells.hovertext[0][1] == "filter 1, ants<br>-0.6 ± 0.02 nats"
    assert cells.hovertext[0][0] == "filter 2, ants<br>0.2 nats"
    assert cells.hovertext[1][0] == "bees: no measured picture"


def test_the_chosen_column_is_framed() -> None:
    (frame,) = heat_map(chosen=1).layout.shapes
    assert (frame.x0, frame.x1, frame.line.color) == (0.5, 1.5, CHOSEN)
    assert not heat_map(chosen=0).layout.shapes


def test_a_layer_without_any_number_still_has_a_scale() -> None:
    nothing = np.full((1, 2), np.nan)
    (cells,) = class_heat_map(
        nothing, nothing, ("ants",), (0, 1), key="k", title="", x="", unit=""
    ).data
    assert (cells.zmin, cells.zmax) == (-1.0, 1.0)


def test_names_are_no_markup() -> None:
    figure = class_heat_map(
        BY_CLASS, ERRORS, (SHORT, STRANGE), (1, 2), key="k", title="Slope", x="", unit="nats"
    )
    (cells,) = figure.data
    assert cells.hovertext[0][0].startswith(f"filter 1, {SHORT_AS_TEXT}<br>")
    assert cells.hovertext[1][1] == f"{AS_TEXT}: no measured picture"
    assert figure.layout.yaxis.ticktext[0] == SHORT_AS_TEXT
    assert "Slope" in figure.layout.title.text

from __future__ import annotations

import plotly.graph_objects as go
import pytest

from delta_app.figures.base import base_figure, empty_figure, line_across


@pytest.fixture
def two() -> list[go.Scatter]:
    return [go.Scatter(y=[1, 2], name="a"), go.Scatter(y=[2, 1], name="b")]


def test_a_figure_fits_light_and_dark(two) -> None:
    layout = base_figure(two, key="k", title="Title", x="Epoch", y="Loss").layout
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert layout.font.color is None, "the theme's to choose"
    assert layout.title.font.color is None
    assert layout.template.layout.font.color is None


def test_the_legend_stands_below_the_plot(two) -> None:
    legend = base_figure(two, key="k").layout.legend
    assert legend.y < 0
    assert legend.yanchor == "top"


def test_one_trace_needs_no_legend(two) -> None:
    assert base_figure(two[:1], key="k").layout.showlegend is False
    assert base_figure(two, key="k").layout.showlegend is True


def test_zoom_outlives_new_data(two) -> None:
    first = base_figure(two, key="accuracy")
    second = base_figure(two[:1], key="accuracy")
    assert first.layout.uirevision == second.layout.uirevision == "accuracy"


def test_an_empty_figure_says_why() -> None:
    figure = empty_figure("No epoch yet.", key="k", title="Accuracy", height=200)
    assert figure.layout.annotations[0].text == "No epoch yet."
    assert figure.layout.height == 200
    assert len(figure.data) == 0


def test_what_a_figure_adds_lies_over_the_houses_layout(two) -> None:
    layout = base_figure(
        two,
        key="k",
        title="Title",
        x="Epoch",
        layout={"xaxis": {"range": [0, 1], "title": {"standoff": 2}}, "bargap": 0},
    ).layout
    assert (layout.xaxis.title.text, layout.xaxis.title.standoff) == ("Epoch", 2)
    assert (layout.xaxis.range, layout.xaxis.automargin) == ((0, 1), True)
    assert layout.bargap == 0
    assert layout.title.text == "Title"


@pytest.mark.parametrize(("at", "add"), [({"x": 3}, "add_vline"), ({"y": 3}, "add_hline")])
def test_a_line_across_is_plotlys_own(two, at, add) -> None:
    line = {"dash": "dot", "width": 1}
    shape = line_across(**at, line=line, layer="below")
    ours = base_figure(two, key="k", layout={"shapes": [shape]})
    plotlys = base_figure(two, key="k")
    getattr(plotlys, add)(*at.values(), line=line, layer="below")
    assert ours.layout.shapes == plotlys.layout.shapes

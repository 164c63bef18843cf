from __future__ import annotations

import numpy as np
from strange_names import AS_TEXT, STRANGE

from delta_app.figures.run_curves import DASHES, run_curves, run_lines
from delta_app.regularizers import all_variants
from delta_app.runs.records import Series


def series(*values: float) -> Series:
    steps = np.arange(len(values))
    return Series(steps, 1.0 + steps, np.array(values))


def test_each_run_has_its_methods_colour_and_a_dash_of_its_own() -> None:
    variants = all_variants()
    lines = run_lines(
        [(f"id{i}", v.label, v.color) for i, v in enumerate([*variants, variants[0]])]
    )
    assert [line.color for line in lines[:-1]] == [v.color for v in variants]
    assert lines[-1].color == lines[0].color
    assert len({line.dash for line in lines}) == 8 == len(DASHES)


def test_a_run_keeps_its_look_when_another_lacks_the_metric() -> None:
    first, second = run_lines([("a", "One", "#111111"), ("b", "Two", "#222222")])
    figure = run_curves(
        [(first, None), (second, series(0.5, 0.75))], key="k", title="T", y="y", share=True
    )
    empty, trace = figure.data
    assert (empty.name, len(empty.x)) == ("One", 0), "in the legend, and in its place"
    assert (trace.name, trace.line.color) == ("Two", "#222222")
    assert trace.line.dash == DASHES[1]
    assert list(trace.y) == [50.0, 75.0]


def test_another_choice_of_runs_is_another_chart() -> None:
    """A line hidden in one choice must not hide another run in the next."""
    first, second = run_lines([("a", "One", "#111111"), ("b", "Two", "#222222")])
    points = series(0.5, 0.75)
    both = run_curves([(first, points), (second, points)], key="k", title="T", y="y")
    again = run_curves([(first, None), (second, points)], key="k", title="T", y="y")
    alone = run_curves([(second, points)], key="k", title="T", y="y")
    assert both.layout.uirevision == again.layout.uirevision != alone.layout.uirevision


def test_nothing_to_draw_is_said() -> None:
    (line,) = run_lines([("a", "One", "#111111")])
    figure = run_curves([(line, None)], key="k", title="T", y="y")
    assert "None of these runs" in figure.layout.annotations[0].text


def test_the_value_axis_can_be_logarithmic() -> None:
    (line,) = run_lines([("a", "One", "#111111")])
    figure = run_curves([(line, series(3.0, 0.1))], key="k", title="T", y="Loss", log=True)
    assert figure.layout.yaxis.type == "log"
    assert figure.layout.yaxis.title.text == "Loss"


def test_names_are_no_markup() -> None:
    (line,) = run_lines([("a", STRANGE, "#111111")])
    (trace,) = run_curves([(line, series(0.5))], key="k", title="T", y="y").data
    assert trace.name == AS_TEXT

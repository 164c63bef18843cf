from __future__ import annotations

from strange_names import AS_TEXT, SHORT, SHORT_AS_TEXT, STRANGE

from delta_app.figures.recall import recall_by_class


def test_recall_is_in_percent_and_a_class_without_pictures_is_left_open() -> None:
    figure = recall_by_class(["a", "b"], [("DELTA", "#111111", [0.5, None])])
    assert list(figure.data[0].y) == [50.0, None]
    assert list(figure.layout.xaxis.ticktext) == ["a", "b"]


def test_two_runs_of_one_method_are_told_apart() -> None:
    figure = recall_by_class(
        ["a"],
        [("one", "#111111", [0.5]), ("two", "#222222", [0.6]), ("three", "#111111", [0.7])],
    )
    hatches = [bar.marker.pattern.shape for bar in figure.data]
    assert hatches[0] == hatches[1] == ""
    assert hatches[2] != ""
    assert [bar.marker.color for bar in figure.data] == ["#111111", "#222222", "#111111"]


def test_names_are_no_markup() -> None:
    figure = recall_by_class([SHORT, STRANGE], [(STRANGE, "#111111", [0.5, 0.5])])
    (bars,) = figure.data
    assert bars.name == AS_TEXT
    assert list(bars.customdata) == [SHORT_AS_TEXT, AS_TEXT]
    assert figure.layout.xaxis.ticktext[0] == SHORT_AS_TEXT

from __future__ import annotations

from strange_names import AS_TEXT, SHORT, SHORT_AS_TEXT, STRANGE

from delta_app.figures.probabilities import probability_bars

ANSWERS = [("cat", 0.75), ("dog", 0.2), ("owl", 0.05)]


def test_the_likeliest_class_is_on_top_with_its_percent() -> None:
    figure = probability_bars(ANSWERS, "#111111")
    (bars,) = figure.data
    assert list(bars.x) == [75.0, 20.0, 5.0]
    assert bars.text[0] == "75.0\u2009%"
    low, high = figure.layout.yaxis.range
    assert low > high, "the axis runs down"


def test_the_true_class_is_named_so() -> None:
    labels = probability_bars(ANSWERS, "#111111", true_class="dog").layout.yaxis.ticktext
    assert [("(true)" in label) for label in labels] == [False, True, False]


def test_more_bars_take_more_height_not_thinner_bars() -> None:
    few, many = probability_bars(ANSWERS[:1], "#111111"), probability_bars(ANSWERS, "#111111")
    assert many.layout.height > few.layout.height


def test_names_are_no_markup() -> None:
    figure = probability_bars([(SHORT, 0.75), (STRANGE, 0.25)], "#111111", true_class=SHORT)
    (bars,) = figure.data
    assert list(bars.customdata) == [SHORT_AS_TEXT, AS_TEXT]
    assert figure.layout.yaxis.ticktext[0] == f"<b>{SHORT_AS_TEXT}</b> (true)"

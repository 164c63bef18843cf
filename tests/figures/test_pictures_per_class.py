"""Bars of pictures a class."""

from __future__ import annotations

from strange_names import AS_TEXT, SHORT, SHORT_AS_TEXT, STRANGE

from delta_app.figures.pictures_per_class import NAMED, SPLIT_COLORS, pictures_per_class
from delta_app.regularizers import all_variants


def test_one_bar_a_split_that_has_pictures_stacked_by_class() -> None:
    counts = {"train": [6, 5], "val": [0, 0], "test": [2, 3]}
    figure = pictures_per_class(["ants", "bees"], counts)
    assert [bar.name for bar in figure.data] == ["training", "test"]
    assert [list(bar.x) for bar in figure.data] == [[6, 5], [2, 3]]
    assert list(figure.data[0].y) == ["ants", "bees"]
    assert figure.layout.barmode == "stack"
    assert figure.layout.yaxis.autorange == "reversed"  # the first class stands on top


def test_many_classes_stand_upright_and_are_named_on_hover() -> None:
    classes = [f"class {number}" for number in range(NAMED + 1)]
    figure = pictures_per_class(classes, {"train": [1] * len(classes)})
    assert list(figure.data[0].x) == classes
    assert figure.layout.xaxis.showticklabels is False
    assert "%{x}" in figure.data[0].hovertemplate


def test_names_of_digits_stay_names() -> None:
    figure = pictures_per_class(["1", "2"], {"train": [3, 4]})
    assert figure.layout.yaxis.type == "category"


def test_no_method_shares_a_colour_with_a_split() -> None:
    assert not {variant.color for variant in all_variants()} & set(SPLIT_COLORS.values())


def test_names_are_no_markup() -> None:
    (bars,) = pictures_per_class([SHORT, STRANGE], {"train": [3, 4]}).data
    assert list(bars.y) == [SHORT_AS_TEXT, AS_TEXT]
    (bars,) = pictures_per_class([STRANGE] * (NAMED + 1), {"train": [1] * (NAMED + 1)}).data
    assert set(bars.x) == {AS_TEXT}

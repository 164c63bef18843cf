"""Bars of pictures a class."""

from __future__ import annotations

from strange_names import AS_TEXT, SHORT, SHORT_AS_TEXT, STRANGE

from delta_app.figures.pictures_per_class import (
    LONGEST_NAME,
    MOST_BARS,
    NAMED,
    SPLIT_COLORS,
    pictures_per_class,
)
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


def test_of_very_many_classes_several_share_a_bar_and_few_bytes_are_sent() -> None:
    number = 2 * MOST_BARS + 1
    classes = [f"class {n}" for n in range(number)]
    splits = ("train", "val", "test")
    figure = pictures_per_class(classes, {split: list(range(number)) for split in splits})
    bars = figure.data[0]
    assert len(bars.x) == number // 3
    assert list(bars.x[:2]) == ["class 0 to class 2", "class 3 to class 5"]
    assert list(bars.y[:2]) == [0 + 1 + 2, 3 + 4 + 5]
    assert sum(bars.y) == sum(range(number))
    assert figure.layout.xaxis.title.text == f"{number} classes, 3 in a bar"
    long = [f"{'x' * 250}{n}" for n in range(100_000)]
    figure = pictures_per_class(long, {split: [9] * len(long) for split in splits})
    assert len(figure.to_json()) < 500_000


def test_names_cut_alike_stay_two_bars() -> None:
    alike = [f"{'x' * LONGEST_NAME}{n}{'x' * LONGEST_NAME}" for n in range(NAMED + 1)]
    (bars,) = pictures_per_class(alike, {"train": [1] * len(alike)}).data
    assert len(set(bars.x)) == len(alike)


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

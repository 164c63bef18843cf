from __future__ import annotations

import numpy as np
from strange_names import AS_TEXT, SHORT, SHORT_AS_TEXT, STRANGE

from delta_app.figures.confusion import MOST_MARKS, confusion_matrix

COUNTS = [[8, 2, 0], [0, 5, 0], [1, 0, 3]]


def test_right_and_wrong_answers_are_shaded_apart_by_share_of_the_class() -> None:
    right, wrong = confusion_matrix(COUNTS, ["a", "b", "c"]).data
    np.testing.assert_allclose(np.diag(right.z), [0.8, 1.0, 0.75])
    assert np.isnan(np.array(right.z)[0, 1])
    assert wrong.z[0][1] == 0.2
    assert wrong.z[2][0] == 0.25
    assert np.isnan(np.array(wrong.z)[1, 0]), "no picture: clear"
    assert right.colorscale != wrong.colorscale


def test_counts_stand_in_the_cells() -> None:
    right, wrong = confusion_matrix(COUNTS, ["a", "b", "c"]).data
    assert right.text[0][0] == "8"
    assert wrong.text[0][1] == "2"
    assert wrong.text[1][0] == ""
    assert list(wrong.customdata[0][1]) == ["a", "b", 2]


def test_the_first_class_is_at_the_top_and_all_are_named() -> None:
    figure = confusion_matrix(COUNTS, ["a", "b", "c"])
    low, high = figure.layout.yaxis.range
    assert low > high
    assert list(figure.layout.xaxis.ticktext) == ["a", "b", "c"]


def test_many_classes_are_read_on_hover() -> None:
    classes = [f"class {i}" for i in range(120)]
    figure = confusion_matrix(np.eye(120, dtype=int), classes)
    assert figure.data[0].texttemplate is None
    assert not figure.layout.xaxis.ticktext


def test_of_very_many_classes_the_fullest_cells_are_drawn_and_few_bytes_sent() -> None:
    k, random = 1000, np.random.default_rng(0)
    confusion = np.diag(random.integers(5, 20, k))
    for true, answer in random.integers(0, k, (9_000, 2)):
        confusion[true, answer] += true != answer
    confusion[3, 7] = 40
    classes = [f"{'a long name of a class ' * 8}{number}" for number in range(k)]
    figure = confusion_matrix(confusion, classes)
    right, wrong = figure.data
    assert (len(right.x), len(wrong.x)) == (k, MOST_MARKS)
    assert (wrong.y[0], wrong.x[0], wrong.customdata[0][2]) == (3, 7, 40)
    assert {*right.x} == {*range(k)}
    np.testing.assert_allclose(wrong.marker.color[0], 40 / confusion[3].sum(), atol=5e-4)
    assert all(true != answer for true, answer in zip(wrong.y, wrong.x, strict=True))
    assert len(figure.to_json()) < 400_000


def test_a_class_without_test_pictures_is_no_division_by_zero() -> None:
    right, _ = confusion_matrix([[2, 0], [0, 0]], ["a", "b"]).data
    assert right.z[0][0] == 1.0
    assert np.isnan(np.array(right.z)[1, 1])


def test_names_are_no_markup() -> None:
    figure = confusion_matrix([[1, 1], [0, 1]], [SHORT, STRANGE], title=STRANGE)
    _, wrong = figure.data
    assert list(wrong.customdata[0][1]) == [SHORT_AS_TEXT, AS_TEXT, 1]
    assert figure.layout.xaxis.ticktext[0] == SHORT_AS_TEXT
    assert figure.layout.yaxis.ticktext[0] == SHORT_AS_TEXT
    assert AS_TEXT in figure.layout.title.text

"""No chart takes a name for markup, nor for a place to fill in."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from hypothesis import given
from strange_names import FEW, NAMES, QUICK

from delta_app.figures.base import empty_figure
from delta_app.figures.class_axis import LONGEST_NAME, class_label, shortened
from delta_app.figures.confusion import confusion_matrix
from delta_app.figures.pictures_per_class import pictures_per_class
from delta_app.figures.probabilities import probability_bars
from delta_app.figures.recall import recall_by_class
from delta_app.figures.run_curves import run_curves, run_lines

OURS = re.compile(r"</?(b|br|extra)>|<extra></extra>")


def texts(value: Any) -> list[str]:
    """Every text in a figure."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    if isinstance(value, (list, tuple)):
        return [text for each in value for text in texts(each)]
    return []


@pytest.mark.slow
@FEW
@given(NAMES, NAMES)
def test_no_name_is_markup_in_a_chart(name: str, other: str) -> None:
    classes = [name, f"{other} 2"]
    (line,) = run_lines([("a", name, "#111111")])
    figures = [
        confusion_matrix([[1, 1], [0, 1]], classes, title=name),
        pictures_per_class(classes, {"train": [3, 4]}),
        probability_bars([(classes[0], 0.75), (classes[1], 0.25)], "#111111", true_class=name),
        recall_by_class(classes, [(name, "#111111", [0.5, 0.5])]),
        empty_figure(name, key="k"),
        run_curves([(line, None)], key="k", title="T", y="y"),
    ]
    found = [text for figure in figures for text in texts(figure.to_dict())]
    for text in found:
        assert "<" not in OURS.sub("", text), text
        assert not re.search(r"&(?!(lt|gt|amp);)", text), text


@QUICK
@given(NAMES)
def test_a_long_name_is_cut_and_reads_the_same(name: str) -> None:
    assert len(shortened(name)) <= LONGEST_NAME
    assert html.unescape(class_label(name)) == shortened(name) or "&" in name

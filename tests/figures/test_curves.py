from __future__ import annotations

import numpy as np
import pytest

from delta_app.figures.curves import accuracy, learning_rate, loss_by_term
from delta_app.runs.records import Series
from delta_app.training import metric_names as names

COLOR = "#123456"


def series(*values: float, start: float = 1.0) -> Series:
    steps = np.arange(len(values))
    return Series(steps, start + steps.astype(float), np.array(values))


@pytest.fixture
def losses() -> dict[str, Series]:
    return {
        names.LOSS_TOTAL: series(3.0, 2.0),
        names.LOSS_CROSS_ENTROPY: series(2.0, 1.5),
        names.LOSS_BACKBONE: series(0.9, 0.4),
        names.LOSS_HEAD: series(0.1, 0.1),
    }


def test_every_term_has_its_line(losses) -> None:
    figure = loss_by_term(losses, COLOR)
    assert [t.name for t in figure.data] == [
        "Total",
        "Cross-entropy",
        "α · backbone term",
        "β · head term",
    ]
    assert list(figure.data[2].y) == [0.9, 0.4]
    assert figure.data[0].line.color == COLOR
    colors = [t.line.color for t in figure.data]
    assert len(set(colors)) == 4


def test_without_penalties_the_loss_is_drawn_once(losses) -> None:
    only = {k: losses[k] for k in (names.LOSS_TOTAL, names.LOSS_CROSS_ENTROPY)}
    assert [t.name for t in loss_by_term(only, COLOR).data] == ["Cross-entropy"]


def test_a_term_keeps_its_trace_when_others_join(losses) -> None:
    few = loss_by_term({k: v for k, v in losses.items() if k != names.LOSS_HEAD}, COLOR)
    all_terms = loss_by_term(losses, COLOR)
    # Plotly knows a trace again by its place.
    assert [t.name for t in few.data] == [t.name for t in all_terms.data][:3]


def test_the_loss_axis_can_be_logarithmic(losses) -> None:
    assert loss_by_term(losses, COLOR, log=True).layout.yaxis.type == "log"


@pytest.mark.parametrize("draw", [loss_by_term, accuracy, learning_rate])
def test_no_data_yet_is_said(draw) -> None:
    figure = draw({}, COLOR)
    assert figure.layout.annotations[0].text.startswith("No ")
    assert figure.layout.uirevision


def test_accuracy_is_in_percent() -> None:
    figure = accuracy(
        {names.TRAIN_TOP1: series(0.5, 0.75), names.VAL_TOP1: series(0.25, 0.625)}, COLOR
    )
    assert list(figure.data[1].y) == [25.0, 62.5]
    assert "%" in figure.layout.yaxis.title.text


def test_the_chosen_epoch_and_its_test_are_marked() -> None:
    figure = accuracy({names.VAL_TOP1: series(0.5, 0.6)}, COLOR, best_epoch=2, test_top1=0.55)
    test = figure.data[-1]
    assert (test.name, list(test.x)) == ("Test", [2])
    assert test.y[0] == pytest.approx(55)
    assert figure.layout.shapes[0].x0 == 2


def test_a_single_epoch_is_seen() -> None:
    figure = accuracy({names.VAL_TOP1: series(0.5)}, COLOR)
    assert figure.data[0].mode == "markers"


def test_the_heads_learning_rate_is_drawn_only_where_it_is_another() -> None:
    same = {names.LR_BACKBONE: series(0.01, 0.001), names.LR_HEAD: series(0.01, 0.001)}
    other = same | {names.LR_HEAD: series(0.1, 0.01)}
    assert [t.name for t in learning_rate(same, COLOR).data] == ["Backbone"]
    assert [t.name for t in learning_rate(other, COLOR).data] == ["Backbone", "Head"]


def test_a_linear_probe_has_a_head_only() -> None:
    figure = learning_rate({names.LR_HEAD: series(0.1, 0.01)}, COLOR)
    assert [t.name for t in figure.data] == ["Head"]

"""What the Attention page says of a layer, a filter and its order."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from delta_app.attention.artifact import ChannelAttention, LayerAttention
from delta_app.attention.faithfulness import Curve, LayerFaithfulness
from delta_app.config import AttentionSettings
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.services.attention_filters import ClassRise
from delta_app.services.attention_layers import LayerView, layer_view
from delta_app.services.measured_attention import Measurement
from delta_app.ui import attention_faithfulness
from delta_app.ui.attention_how import pictures_words
from delta_app.ui.attention_words import (
    filter_lines,
    hover_words,
    measured_words,
    reliability_words,
    with_error,
)

IMPORTANCE = (0.5, -0.3, 0.01)
THIN = "\N{THIN SPACE}"


def layer(reliability: float = 0.824, split_half: float = -0.1) -> LayerAttention:
    of = torch.tensor(IMPORTANCE, dtype=torch.float64)
    flat = torch.full_like(of, 1 / 3)
    return LayerAttention(of, torch.full_like(of, 0.1), flat, reliability, split_half)


def measurement(complete: bool = True, **options: float) -> Measurement:
    found = ChannelAttention(
        {"layer1": layer(**options)},
        pictures=tuple(map(str, range(200))),
        settings={"estimator": "combined", "temperature": 5.0},
        seconds=84,
        complete=complete,
    )
    run = RunRecord(
        "id", "attention", "a run", RunStatus.COMPLETED, "attention", "Attention", "#D55E00",
        "dtd10", "resnet18", {}, Path("/runs/id"), 0.0,
    )  # fmt: skip
    return Measurement(run, found)


def view(**options: float) -> LayerView:
    return layer_view(measurement(**options), "layer1")


def test_reliability_in_words() -> None:
    said = f"Reliability 82{THIN}%: 2 of 3 filters are distinguishable from zero"
    assert reliability_words(view()) == said
    unknown = view(reliability=math.nan)
    assert reliability_words(unknown) == "2 of 3 filters are distinguishable from zero"


def test_what_was_measured_on_one_line() -> None:
    assert measured_words(measurement(), view()) == (
        f"Split-half correlation \N{MINUS SIGN}0.10 · 33{THIN}% of the filters below zero · exact "
        "and first order combined on 200 training pictures in 1 min 24 s"
    )
    unknown = measured_words(measurement(), view(split_half=math.nan))
    assert unknown.startswith(f"33{THIN}% of the filters below zero")
    stopped = measured_words(measurement(complete=False), view())
    assert stopped.endswith("stopped before its last batch")


def test_a_number_with_its_error() -> None:
    assert with_error(-0.01234, 0.00211) == "\N{MINUS SIGN}0.0123 ± 0.0021"
    assert with_error(0.5, math.inf) == "0.500"
    assert with_error(0.5, math.nan) == "0.500"


def test_a_filter_in_lines() -> None:
    lines = filter_lines(view(), 0, ClassRise("crosshatched things", 0.216, 0.054))
    assert lines[0] == "Importance 0.500 ± 0.1 nats"
    assert lines[1] == "Highest for crossha…things: 0.216 ± 0.054"
    assert lines[2] == "Distinguishable from zero"
    # z = 1.306, -1.123, -0.182; exp(z / 5) = 1.298, 0.799, 0.964, of 3.061 in all.
    assert lines[3] == "Attention 1.27 × the average"
    assert filter_lines(view(), 2, None)[1] == "Not distinguishable from zero"


def test_a_chart_tells_the_filter_with_its_rank() -> None:
    told = hover_words(view())
    assert told[1].startswith(
        "<b>filter 1</b>, rank 3 of 3<br>importance \N{MINUS SIGN}0.300 ± 0.1"
    )
    assert "not told from zero" in told[2]
    assert "not told from zero" not in told[0]


def test_the_area_between_the_orders_is_one_number() -> None:
    def curve(*loss: float) -> Curve:
        values = torch.tensor(loss, dtype=torch.float64)
        return Curve(values, torch.full_like(values, 0.5))

    shares = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    found = LayerFaithfulness(shares, curve(1, 2, 3), curve(1, 1, 3), (curve(1, 1.5, 3),))
    # A triangle with a base of 1 and a height of 1.
    assert attention_faithfulness.title(found) == "Faithfulness: 0.500 nats between the orders"


def test_how_many_pictures_are_measured_before_they_are() -> None:
    def said(train: int = 220, **settings: object) -> str:
        return pictures_words(AttentionSettings.model_validate(settings), train)

    assert said() == "128 of 220 training pictures"
    assert said(100) == "all 100 training pictures"
    assert said(attention_batches=None) == "all 220 training pictures"
    assert said(attention_batch_size=10) == "40 of 220 training pictures"
    assert said(attention_reliability=0.9) == "at most 220 training pictures"

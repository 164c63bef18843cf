"""Curves, orders and the file that holds them, against numbers worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from delta_app.attention.faithfulness import (
    Curve,
    Faithfulness,
    LayerFaithfulness,
    area_between,
    better_than_random,
    load_faithfulness,
    most_first,
    numbers_disabled,
    random_orders,
)
from delta_app.errors import AttentionError


def values(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def curve(*loss: float) -> Curve:
    return Curve(values(*loss), 1 - values(*loss) / 10)


SHARES = values(0, 0.2, 1)


def test_the_area_is_the_mean_over_the_share_disabled() -> None:
    """The difference is 0, 2, 0: a triangle over 0.2 and one over 0.8, (0.2 + 0.8) * 2 / 2."""
    assert area_between(SHARES, values(1, 4, 5), values(1, 2, 5)) == pytest.approx(1)
    assert area_between(SHARES, values(1, 2, 5), values(1, 4, 5)) == pytest.approx(-1)
    assert area_between(values(0, 1), values(1, 1), values(0, 2)) == pytest.approx(0)


@pytest.mark.parametrize(
    ("most", "least", "better"),
    [
        (4.0, 1.0, True),
        (2.9, 1.0, False),  # one random order harms more at the beginning
        (4.0, 2.1, False),  # one random order harms less at the end
        (1.0, 4.0, False),
    ],
)
def test_better_than_every_random_order_at_both_ends(
    most: float, least: float, better: bool
) -> None:
    random = [values(1, 2, 5), values(1, 3, 5)]
    assert better_than_random(SHARES, values(1, most, 5), values(1, least, 5), random) is better


def test_a_layer_tells_both() -> None:
    layer = LayerFaithfulness(SHARES, curve(1, 4, 5), curve(1, 2, 5), (curve(1, 3, 5),))
    assert layer.area == pytest.approx(1)
    assert layer.better_than_random
    assert not LayerFaithfulness(SHARES, layer.least, layer.most, layer.random).better_than_random


@pytest.mark.parametrize(
    ("channels", "numbers"),
    [
        (1, [0, 1]),
        (5, [0, 1, 2, 3, 4, 5]),
        (24, [0, 1, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24]),
        (
            320,
            [0, 1, 2, 4, 8, 16, 27, 53, 80, 107, 133, 160, 187, 213, 240, 267, 293, 320],
        ),
    ],
)
def test_points_are_denser_where_few_filters_are_disabled(
    channels: int, numbers: list[int]
) -> None:
    assert numbers_disabled(channels) == numbers


def test_the_largest_layers_have_about_twenty_points() -> None:
    assert len(numbers_disabled(2048)) == 21


def test_orders_by_importance_and_by_chance() -> None:
    assert most_first(torch.tensor([0.1, -2.0, 3.0, 0.1])).tolist() == [2, 0, 3, 1]
    orders = random_orders(50, 5, seed=3)
    assert all(sorted(order.tolist()) == list(range(50)) for order in orders)
    assert len({tuple(order.tolist()) for order in orders}) == 5
    again, other = random_orders(50, 5, seed=3), random_orders(50, 5, seed=4)
    assert torch.equal(torch.stack(orders), torch.stack(again))
    assert not torch.equal(torch.stack(orders), torch.stack(other))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    layer = LayerFaithfulness(
        SHARES, curve(1 / 3, 4, 5), curve(1 / 3, 2, 5), (curve(1 / 3, 3, 5), curve(1 / 3, 3.5, 5))
    )
    path = tmp_path / "faithfulness.json"
    Faithfulness({"a.1": layer, "b": layer}, "test", 120, 2, "abc").save(path)
    return path


def test_the_file_gives_back_every_digit(file: Path) -> None:
    found = load_faithfulness(file)
    assert list(found.layers) == ["a.1", "b"]
    assert (found.split, found.pictures, found.orders, found.contents) == ("test", 120, 2, "abc")
    layer = found.layers["b"]
    assert torch.equal(layer.shares, SHARES)
    assert torch.equal(layer.most.loss, values(1 / 3, 4, 5))
    assert torch.equal(layer.least.accuracy, 1 - values(1 / 3, 2, 5) / 10)
    assert torch.equal(layer.random[1].loss, values(1 / 3, 3.5, 5))


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("split",), "train", "split is 'train'"),
        (("format",), 2, '"format": 1'),
        (("layers", 0, "shares"), [0, 0.5, 0.4], "do not rise from 0 to 1"),
        (("layers", 0, "shares"), [0.1, 0.5, 1], "do not rise from 0 to 1"),
        (("layers", 0, "random"), [], "no random order"),
        (("layers", 0, "most", "loss"), [1, 2], "3 points"),
        (("layers", 0, "least", "accuracy"), [1, 2, 0], "beyond 0 to 1"),
        (("layers", 0, "least"), {}, "KeyError"),
        (("layers",), None, "TypeError"),
        (("layers", 0, "most", "loss", 0), 10**400, "OverflowError|RuntimeError|too large"),
        (("layers", 0), [], "TypeError"),
        (("pictures",), 1e400, "Infinity|expected value|OverflowError"),
    ],
)
def test_what_is_no_such_file_is_refused(
    file: Path, place: tuple[Any, ...], value: Any, words: str
) -> None:
    content = json.loads(file.read_text())
    inside = content
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = value
    file.write_text(json.dumps(content))
    with pytest.raises(AttentionError, match=words) as caught:
        load_faithfulness(file)
    assert caught.value.cure


def test_a_file_that_is_not_there_or_no_json(tmp_path: Path) -> None:
    with pytest.raises(AttentionError, match="No such file"):
        load_faithfulness(tmp_path / "none.json")
    (tmp_path / "half.json").write_text("{")
    with pytest.raises(AttentionError, match="not JSON"):
        load_faithfulness(tmp_path / "half.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(AttentionError, match="not JSON"):
        load_faithfulness(tmp_path / "deep.json")

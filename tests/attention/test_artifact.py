"""The attention file: what is written is what is read, and what cannot be one is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from delta_app.attention.artifact import (
    ChannelAttention,
    LayerAttention,
    attention_key,
    check_fits,
    load_attention,
    shuffled,
    uniform,
)
from delta_app.errors import AttentionError


@pytest.fixture
def measured() -> ChannelAttention:
    layer = LayerAttention(
        importance=torch.tensor([0.1, -1e-9, 2 / 3], dtype=torch.float64),
        standard_error=torch.tensor([0.01, 0.02, float("inf")], dtype=torch.float64),
        attention=torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64),
    )
    return ChannelAttention(
        layers={"layer1": layer},
        pictures=("aa", "bb"),
        settings={"temperature": 5.0},
        backbone="resnet18",
        weights_digest="cc",
        seconds=1.5,
        key="dd",
        versions={"torch": "2"},
    )


def test_written_and_read_to_the_last_bit(measured: ChannelAttention, tmp_path: Path) -> None:
    measured.save(tmp_path / "attention.json")
    read = load_attention(tmp_path / "attention.json")
    for name in ("importance", "standard_error", "attention"):
        assert torch.equal(
            getattr(read.layers["layer1"], name), getattr(measured.layers["layer1"], name)
        )
    assert read.pictures == measured.pictures
    assert (read.key, read.seconds, read.settings) == ("dd", 1.5, {"temperature": 5.0})


def damage(content: dict[str, Any], how: str) -> Any:
    layer = content["layers"][0]
    if how == "a list":
        return [[0.1, 0.2]]
    if how == "no format":
        del content["format"]
    elif how == "no layers":
        del content["layers"]
    elif how == "too few importances":
        layer["importance"].pop()
    elif how == "sums to two":
        layer["attention"] = [1.0, 0.5, 0.5]
    elif how == "negative":
        layer["attention"] = [-0.5, 1.0, 0.5]
    elif how == "infinite importance":
        layer["importance"][0] = math.inf
    elif how == "an error below zero":
        layer["standard_error"][0] = -1.0
    elif how == "channels in words":
        layer["channels"] = "../../../etc/passwd"
    elif how == "lists in lists":
        layer["importance"] = [layer["importance"]] * 3
    elif how == "pictures":
        content["pictures"] = -1
    elif how == "settings":
        content["settings"] = []
    elif how == "temperature":
        content["settings"]["temperature"] = "warm"
    elif how == "no temperature":
        content["settings"]["temperature"] = 0
    elif how == "words":
        layer["attention"] = ["a", "b", "c"]
    return content


@pytest.mark.parametrize(
    "how",
    [
        "a list",
        "no format",
        "no layers",
        "too few importances",
        "sums to two",
        "negative",
        "words",
        "infinite importance",
        "an error below zero",
        "channels in words",
        "lists in lists",
        "pictures",
        "settings",
        "temperature",
        "no temperature",
    ],
)
def test_what_cannot_be_an_attention_is_refused(
    measured: ChannelAttention, tmp_path: Path, how: str
) -> None:
    path = tmp_path / "attention.json"
    measured.save(path)
    path.write_text(json.dumps(damage(json.loads(path.read_text()), how)))
    with pytest.raises(AttentionError, match=r"attention\.json") as caught:
        load_attention(path)
    assert caught.value.field == "attention"
    assert caught.value.cure


def test_a_file_that_is_not_there_or_not_json(tmp_path: Path) -> None:
    with pytest.raises(AttentionError, match="No such file"):
        load_attention(tmp_path / "nowhere.json")
    (tmp_path / "cut.json").write_text('{"format": 1, "lay')
    with pytest.raises(AttentionError, match="not JSON"):
        load_attention(tmp_path / "cut.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(AttentionError, match="not JSON"):
        load_attention(tmp_path / "deep.json")


KEY: dict[str, Any] = {
    "pictures": [("aa", 0), ("bb", 1)],
    "backbone": "resnet18",
    "weights_digest": "w",
    "layers": ["layer1"],
    "image_size": 64,
    "settings": {"temperature": 5.0, "attention_seed": 0},
}


def test_the_key_does_not_depend_on_order() -> None:
    other = KEY | {
        "pictures": KEY["pictures"][::-1],
        "settings": dict(reversed(KEY["settings"].items())),
    }
    assert attention_key(**other) == attention_key(**KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"pictures": [("aa", 0)]},
        {"pictures": [("aa", 1), ("bb", 1)]},
        {"backbone": "resnet34"},
        {"weights_digest": "v"},
        {"layers": ["layer2"]},
        {"image_size": 96},
        {"settings": {"temperature": 5.0, "attention_seed": 1}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_changes_the_numbers_changes_the_key(change: dict[str, Any]) -> None:
    assert attention_key(**(KEY | change)) != attention_key(**KEY)


def test_an_attention_for_other_layers_or_channels_is_refused() -> None:
    weights = uniform({"a": 4, "b": 2})
    assert list(check_fits(weights, {"b": 2}, "it")) == ["b"]
    with pytest.raises(AttentionError, match=r"no attention for the layer c; it has a, b"):
        check_fits(weights, {"c": 2}, "it")
    with pytest.raises(AttentionError, match=r"4 channels for a, the network has 8"):
        check_fits(weights, {"a": 8}, "it")


def test_shuffled_depends_on_the_seed_alone() -> None:
    weights = {"a": torch.softmax(torch.arange(20.0), 0)}
    assert torch.equal(shuffled(weights, 1)["a"], shuffled(weights, 1)["a"])
    assert not torch.equal(shuffled(weights, 1)["a"], shuffled(weights, 2)["a"])

"""An attention file is read and held against the network before there is a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from delta_app.attention.artifact import ChannelAttention, LayerAttention
from delta_app.errors import AttentionError
from delta_app.services import given_attention
from delta_app.services.given_attention import check_given_attention
from delta_app.services.network_cost import cost
from delta_app.training.run_config import RunConfig

BACKBONE = "shufflenet_v2_x0_5"


def config_of(attention: object, **values: Any) -> RunConfig:
    fixed = {"method": "delta", "data": "/pictures", "backbone": BACKBONE, "image_size": 64}
    return RunConfig.from_flat(fixed | {"attention": str(attention)} | values)


def layer(channels: int) -> LayerAttention:
    even = torch.full((channels,), 1 / channels, dtype=torch.float64)
    return LayerAttention(torch.zeros_like(even), torch.ones_like(even), even)


def written(path: Path, channels: dict[str, int]) -> Path:
    ChannelAttention({name: layer(number) for name, number in channels.items()}).save(path)
    return path


@pytest.fixture
def channels() -> dict[str, int]:
    return dict(cost(BACKBONE, 64).channels)


def refused(config: RunConfig) -> str:
    with pytest.raises(AttentionError) as caught:
        check_given_attention(config)
    assert caught.value.field == "attention"
    assert caught.value.cure
    return caught.value.message


def test_a_word_and_another_method_name_no_file() -> None:
    check_given_attention(config_of("learned"))
    check_given_attention(config_of("uniform"))
    l2 = {"method": "l2", "data": "/pictures", "backbone": BACKBONE}
    check_given_attention(RunConfig.from_flat(l2))


def test_what_fits_is_taken_in_either_form(channels: dict[str, int], tmp_path: Path) -> None:
    check_given_attention(config_of(written(tmp_path / "own.json", channels)))
    authors = tmp_path / "authors.json"
    authors.write_text(json.dumps([[0.5] * number for number in channels.values()]))
    check_given_attention(config_of(authors))


def test_what_does_not_fit_is_said_with_its_layer(channels: dict[str, int], tmp_path: Path) -> None:
    first, *_, last = channels
    one_less = written(tmp_path / "less.json", {n: channels[n] for n in channels if n != last})
    assert f"has no attention for the layer {last}" in refused(config_of(one_less))
    check_given_attention(config_of(one_less, behaviour_layers=(first,)))
    narrow = written(tmp_path / "narrow.json", channels | {first: 3})
    assert f"has 3 channels for {first}" in refused(config_of(narrow))
    authors = tmp_path / "authors.json"
    authors.write_text(json.dumps([[0.5]]))
    assert f"has 1 lists, one for each layer; expected {len(channels)}" in refused(
        config_of(authors)
    )
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    assert "not JSON" in refused(config_of(broken))
    assert "cannot be read" in refused(config_of(tmp_path / "gone.json"))


def test_a_file_is_read_once_until_it_changes(
    channels: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, load = [], given_attention.load_given

    def counting(path: Path, *args: Any, **named: Any) -> ChannelAttention:
        read.append(path)
        return load(path, *args, **named)

    monkeypatch.setattr(given_attention, "load_given", counting)
    path = written(tmp_path / "a.json", channels | {next(iter(channels)): 3})
    refused(config_of(path))
    refused(config_of(path))
    assert len(read) == 1
    written(path, channels)
    check_given_attention(config_of(path))
    assert len(read) == 2

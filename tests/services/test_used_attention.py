from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from small_runs import SmallRuns, copied, small_runs

from delta_app.errors import AttentionError
from delta_app.services.runs import get_run
from delta_app.services.used_attention import (
    UNIFORM_WEIGHTING,
    Weighting,
    attention_of,
    weighting_of,
)


@pytest.fixture(scope="module")
def small() -> SmallRuns:
    return small_runs()


def stored(small: SmallRuns, run_id: str) -> dict[str, list[float]]:
    content = json.loads((small.folder(run_id) / "attention.json").read_text())
    return {layer["name"]: layer["attention"] for layer in content["layers"]}


def test_a_learned_attention_is_the_files(small) -> None:
    found = attention_of(get_run(small.delta, small.runs_dir))
    assert found is not None
    assert found.weighting.name.startswith("learned attention of DELTA")
    for layer, weights in stored(small, small.delta).items():
        assert found.weighting.of(layer, len(weights)).tolist() == weights
        assert len(found.measured[layer].importance) == len(weights)


def test_a_shuffled_run_is_weighted_as_it_was_held(small) -> None:
    found = attention_of(get_run(small.shuffled, small.runs_dir))
    assert found is not None
    for layer, weights in stored(small, small.shuffled).items():
        held = found.weighting.of(layer, len(weights)).tolist()
        assert held != weights
        assert sorted(held) == sorted(weights)


def test_a_method_without_attention_has_none_and_is_looked_at_uniformly(small) -> None:
    run = get_run(small.l2, small.runs_dir)
    assert attention_of(run) is None
    assert weighting_of(run) is UNIFORM_WEIGHTING
    assert UNIFORM_WEIGHTING.of("any", 4).tolist() == [0.25] * 4


def test_while_it_is_measured_there_is_none_yet(tmp_path: Path) -> None:
    small = copied(tmp_path / "runs")
    (small.folder(small.delta) / "attention.json").unlink()
    assert attention_of(get_run(small.delta, small.runs_dir)) is None


def test_another_networks_weights_are_not_taken_for_this_layers() -> None:
    weighting = Weighting("id", "learned attention of X", {"layer1": torch.ones(4) / 4})
    assert weighting.fits("layer1", 4)
    assert not weighting.fits("layer1", 8)
    with pytest.raises(AttentionError, match="no weights for 8 channels of layer1"):
        weighting.of("layer1", 8)

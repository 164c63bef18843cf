from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from small_runs import SmallRuns, copied, small_runs

from delta_app.errors import AttentionError
from delta_app.services.runs import get_run
from delta_app.services.weighting import UNIFORM_WEIGHTING, Weighting, weighting_of


@pytest.fixture(scope="module")
def small() -> SmallRuns:
    return small_runs()


def stored(small: SmallRuns, run_id: str) -> dict[str, list[float]]:
    content = json.loads((small.folder(run_id) / "attention.json").read_text())
    return {layer["name"]: layer["attention"] for layer in content["layers"]}


def test_a_learned_attention_is_the_files(small) -> None:
    found = weighting_of(get_run(small.delta, small.runs_dir))
    assert found.name.startswith("learned attention of DELTA")
    for layer, weights in stored(small, small.delta).items():
        assert found.of(layer, len(weights)).tolist() == weights


def test_a_shuffled_run_is_weighted_as_it_was_held(small) -> None:
    """Not as it was measured: its drift is to sum to its own penalty."""
    found = weighting_of(get_run(small.shuffled, small.runs_dir))
    assert found.name.startswith("shuffled attention of")
    for layer, measured in stored(small, small.delta).items():
        held = found.of(layer, len(measured)).tolist()
        assert held != measured
        assert sorted(held) == pytest.approx(sorted(measured))


def test_a_method_without_attention_is_looked_at_uniformly(small) -> None:
    assert weighting_of(get_run(small.l2, small.runs_dir)) is UNIFORM_WEIGHTING
    assert UNIFORM_WEIGHTING.of("any", 4).tolist() == [0.25] * 4


def test_while_it_is_measured_the_weights_are_uniform(tmp_path: Path) -> None:
    small = copied(tmp_path / "runs")
    (small.folder(small.delta) / "attention.json").unlink()
    assert weighting_of(get_run(small.delta, small.runs_dir)) is UNIFORM_WEIGHTING


def test_another_networks_weights_are_not_taken_for_this_layers() -> None:
    weighting = Weighting("id", "learned attention of X", {"layer1": torch.ones(4) / 4})
    assert weighting.fits("layer1", 4)
    assert not weighting.fits("layer1", 8)
    with pytest.raises(AttentionError, match="no weights for 8 channels of layer1"):
        weighting.of("layer1", 8)

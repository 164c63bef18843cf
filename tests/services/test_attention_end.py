"""Attention at the end of fine-tuning beside where it began."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from scipy.stats import spearmanr
from small_runs import SmallRuns, copied

from delta_app.runs.control import Shutdown
from delta_app.runs.records import ATTENTION
from delta_app.services import runs
from delta_app.services.attention_end import awaits_its_end, end_of_attention, has_an_end
from delta_app.services.attention_of import attention_of_config


@pytest.fixture
def small(tmp_path: Path) -> SmallRuns:
    return copied(tmp_path / "runs")


def measure_the_end(small: SmallRuns, run_id: str) -> str:
    config = attention_of_config(runs.get_run(run_id, small.runs_dir))
    return runs.run_here(ATTENTION, config, Shutdown(), runs_dir=small.runs_dir).id


def importances(folder: Path) -> dict[str, list[float]]:
    content = json.loads((folder / "attention.json").read_text())
    return {layer["name"]: layer["importance"] for layer in content["layers"]}


@pytest.mark.slow
def test_start_and_end_are_told_apart_and_their_ranks_compared(small: SmallRuns) -> None:
    run = runs.get_run(small.delta, small.runs_dir)
    before = end_of_attention(run)
    assert before.start is not None
    assert (before.run, before.end, before.layers) == (None, None, ())
    measured = measure_the_end(small, small.delta)
    found = end_of_attention(run)
    assert found.run is not None
    assert found.run.id == measured
    start, end = (importances(small.folder(each)) for each in (small.delta, measured))
    assert found.layers == tuple(end)
    for layer in found.layers:
        expected = spearmanr(start[layer], end[layer]).statistic
        assert found.rank_correlation(layer) == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
def test_a_method_without_attention_has_an_end_and_no_start(small: SmallRuns) -> None:
    run = runs.get_run(small.l2, small.runs_dir)
    measure_the_end(small, small.l2)
    found = end_of_attention(run)
    assert found.start is None
    assert found.end is not None
    assert math.isnan(found.rank_correlation(found.layers[0]))


def test_it_is_awaited_while_it_is_measured(small: SmallRuns) -> None:
    run = runs.get_run(small.l2, small.runs_dir)
    assert not awaits_its_end(run)
    measuring = runs.submit_attention_of(small.l2, runs_dir=small.runs_dir)
    assert awaits_its_end(run)
    runs.request_stop(measuring, small.runs_dir)
    assert not awaits_its_end(run)


def test_only_a_run_that_left_a_network_has_an_end(small: SmallRuns) -> None:
    run = runs.get_run(small.l2, small.runs_dir)
    assert has_an_end(run)
    (run.folder / "best.safetensors").unlink()
    assert not has_an_end(run)
    measuring = runs.submit_attention_of(small.delta, runs_dir=small.runs_dir)
    assert not has_an_end(runs.get_run(measuring, small.runs_dir))

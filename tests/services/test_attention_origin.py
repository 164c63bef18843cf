"""Where a run's attention comes from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from small_runs import SmallRuns, copied, small_config

from delta_app.attention.artifact import load_attention
from delta_app.runs.records import RunRecord
from delta_app.services import runs
from delta_app.services.attention_origin import Origin, origin_of


@pytest.fixture
def small(tmp_path: Path) -> SmallRuns:
    return copied(tmp_path / "runs")


def origin(small: SmallRuns, run_id: str) -> Origin | None:
    return origin_of(runs.get_run(run_id, small.runs_dir), small.runs_dir)


def given(small: SmallRuns, file: Path) -> RunRecord:
    """A run that was given an attention file."""
    config = small_config(small.data, "delta", attention=str(file))
    return runs.get_run(runs.submit(config, runs_dir=small.runs_dir), small.runs_dir)


def test_the_first_of_the_same_measured_it_itself(small: SmallRuns) -> None:
    found = origin(small, small.delta)
    assert found is not None
    assert (found.kind, found.run and found.run.id) == ("own", small.delta)


def test_a_later_run_reused_what_the_first_had_measured(small: SmallRuns) -> None:
    found = origin(small, small.shuffled)
    assert found is not None
    assert (found.kind, found.run and found.run.id) == ("reused", small.delta)


def test_a_file_of_a_run_is_that_runs_and_another_is_a_path(small: SmallRuns) -> None:
    file = small.folder(small.delta) / "attention.json"
    found = origin_of(given(small, file), small.runs_dir)
    assert found is not None
    assert (found.kind, found.run and found.run.id) == ("file", small.delta)
    elsewhere = small.runs_dir.parent / "kept.json"
    elsewhere.write_text(file.read_text())
    found = origin_of(given(small, elsewhere), small.runs_dir)
    assert found == Origin("file", None, str(elsewhere))


def test_without_attention_there_is_no_origin(small: SmallRuns) -> None:
    assert origin(small, small.l2) is None
    uniform = runs.submit(
        small_config(small.data, "delta", attention="uniform"), runs_dir=small.runs_dir
    )
    assert origin(small, uniform) is None
    (small.folder(small.delta) / "attention.json").unlink()
    assert origin(small, small.delta) is None, "while it is measured"


def test_a_part_is_the_runs_own_and_not_taken_from_another_part(small: SmallRuns) -> None:
    """Two measurements that were stopped: neither has a key, and neither reused the other."""
    part = load_attention(small.folder(small.delta) / "attention.json")
    stopped = []
    for _ in range(2):
        config = small_config(small.data, "delta")
        run_id = runs.submit_attention(config, runs_dir=small.runs_dir)
        replace(part, complete=False, key="").save(small.folder(run_id) / "attention.json")
        stopped.append(run_id)
    for run_id in stopped:
        found = origin(small, run_id)
        assert found is not None
        assert (found.kind, found.run and found.run.id) == ("own", run_id)

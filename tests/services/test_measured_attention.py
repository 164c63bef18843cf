"""Which runs have a measurement, and what is read of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_runs import ATTENTION, SmallRuns, copied, small_config

from delta_app.attention.artifact import load_attention
from delta_app.attention.by_picture import BY_PICTURE_FILE
from delta_app.errors import AttentionError
from delta_app.services import measured_attention, runs


@pytest.fixture
def small(tmp_path: Path) -> SmallRuns:
    return copied(tmp_path / "runs")


def listed(small: SmallRuns) -> list[str]:
    return [run.id for run in measured_attention.measurements(small.runs_dir)]


def of(small: SmallRuns, run_id: str) -> measured_attention.Measurement:
    found = measured_attention.measurement(runs.get_run(run_id, small.runs_dir))
    assert found is not None
    return found


def test_runs_that_measured_are_listed_newest_first_and_no_others(small: SmallRuns) -> None:
    assert listed(small) == [small.shuffled, small.delta]
    (small.folder(small.delta) / "attention.json").unlink()
    assert listed(small) == [small.shuffled]


def test_a_measurement_of_its_own_is_listed_from_its_first_moment(small: SmallRuns) -> None:
    config = small_config(small.data, "delta", **ATTENTION)
    run_id = runs.submit_attention(config, runs_dir=small.runs_dir)
    assert listed(small)[0] == run_id
    run = runs.get_run(run_id, small.runs_dir)
    assert measured_attention.measurement(run) is None
    assert measured_attention.parts(run) == (False, False)


def test_a_file_that_was_given_is_no_measurement_of_the_run(small: SmallRuns) -> None:
    given = str(small.folder(small.delta) / "attention.json")
    config = small_config(small.data, "delta", attention=given)
    run_id = runs.submit(config, runs_dir=small.runs_dir)
    (small.runs_dir / run_id / "attention.json").write_text(Path(given).read_text())
    assert run_id not in listed(small)


def test_what_is_read_is_what_the_files_hold(small: SmallRuns) -> None:
    found = of(small, small.delta)
    file = load_attention(small.folder(small.delta) / "attention.json")
    assert found.layers == tuple(file.layers)
    assert (found.estimator, found.temperature) == ("exact", 5.0)
    known = found.by_picture()
    assert known is not None
    assert known.pictures == file.pictures
    assert all(layer.importance is None for layer in known.layers.values()), "kept in memory small"
    assert found.faithfulness() is None


def test_older_measurements_know_nothing_by_picture(small: SmallRuns) -> None:
    (small.folder(small.delta) / BY_PICTURE_FILE).unlink()
    assert of(small, small.delta).by_picture() is None


def test_a_damaged_file_is_said_and_the_rest_is_there(small: SmallRuns) -> None:
    (small.folder(small.delta) / BY_PICTURE_FILE).write_bytes(b"damaged")
    found = of(small, small.delta)
    assert found.layers
    with pytest.raises(AttentionError, match="not a measurement by picture"):
        found.by_picture()


def test_a_file_that_changed_is_read_again(small: SmallRuns) -> None:
    run = runs.get_run(small.delta, small.runs_dir)
    assert of(small, small.delta).estimator == "exact"
    file = run.folder / "attention.json"
    file.write_text(file.read_text().replace('"exact"', '"first-order"'))
    assert of(small, small.delta).estimator == "first-order"

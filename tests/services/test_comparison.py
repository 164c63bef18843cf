"""Runs side by side, against their own files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scipy.stats import binomtest
from small_runs import SmallRuns, copied, small_config, small_runs

from delta_app.comparison.settings import differing
from delta_app.errors import RunError
from delta_app.regularizers import all_variants
from delta_app.runs.opened import opened
from delta_app.runs.records import RunStatus
from delta_app.services.comparison import (
    agreement_of,
    answered_runs,
    comparable,
    compare,
    curves,
    picture_of,
)
from delta_app.services.runs import submit, submit_attention
from delta_app.training import metric_names as names


@pytest.fixture(scope="module")
def small() -> SmallRuns:
    return small_runs()


def test_runs_keep_their_order_and_have_their_methods_colours(small) -> None:
    found = compare([small.delta, small.l2], small.runs_dir)
    assert [each.run.id for each in found.runs] == [small.delta, small.l2]
    colors = {v.key: v.color for v in all_variants()}
    assert [each.line.color for each in found.runs] == [colors["delta"], colors["l2"]]
    assert len({each.line.dash for each in found.runs}) == 2
    assert not found.goes_on


def test_results_are_those_of_the_files(small) -> None:
    (found,) = compare([small.l2], small.runs_dir).runs
    test = json.loads((small.folder(small.l2) / "predictions.json").read_text())["test"]
    assert found.test is not None
    assert found.test.top1 == test["top1"] == found.run.test_top1
    right = round(test["top1"] * len(test["pictures"]))
    expected = binomtest(right, len(test["pictures"])).proportion_ci(method="wilson")
    assert found.interval == pytest.approx((expected.low, expected.high))


def test_exactly_the_settings_that_differ(small) -> None:
    found = compare([small.delta, small.shuffled], small.runs_dir)
    assert {row.name for row in differing(found.settings)} == {"attention", "seed"}
    assert len(found.settings) > 20
    assert found.notes == ()


def test_every_runs_curve_is_there(small) -> None:
    found = compare([small.l2, small.delta], small.runs_dir)
    drawn = curves(found, names.VAL_TOP1, small.runs_dir)
    assert [line.run for line, _ in drawn] == [small.l2, small.delta]
    assert all(series is not None and len(series) == 2 for _, series in drawn)
    penalties = curves(found, names.LOSS_BACKBONE, small.runs_dir)
    assert penalties[0][1] is None, "L2 has no backbone term"
    assert penalties[1][1] is not None


def change_answers(small: SmallRuns, run_id: str, to: int) -> list[str]:
    """Let a run call its first two test pictures class `to`; returns all its test pictures."""
    file = small.folder(run_id) / "predictions.json"
    content = json.loads(file.read_text())
    for number, picture in enumerate(content["test"]["pictures"]):
        picture["predicted"] = to if number < 2 else picture["label"]
        picture["probabilities"] = [0.1 + 0.7 * (k == picture["predicted"]) for k in range(3)]
    file.write_text(json.dumps(content))
    return [picture["relative"] for picture in content["test"]["pictures"]]


def test_pictures_on_which_the_runs_disagree(tmp_path: Path) -> None:
    small = copied(tmp_path / "runs")
    relative = change_answers(small, small.l2, to=0)
    change_answers(small, small.delta, to=2)
    found = compare([small.l2, small.delta], small.runs_dir)
    result = agreement_of(found)
    shown = [picture_of(found, str(d.key)) for d in result.disagreements]
    assert {p.picture.relative for p in shown if p} == set(relative[:2])
    assert result.compared == len(relative)
    answers = result.disagreements[0].answers
    assert [a.predicted for a in answers] == ["blue", "red"]
    assert [a.probability for a in answers] == pytest.approx([0.8, 0.8])
    assert picture_of(found, "0" * 12) is None


def test_a_run_that_was_not_tested_keeps_the_others_from_nothing(tmp_path: Path) -> None:
    small = copied(tmp_path / "runs")
    queued = submit(small_config(small.data, "l2_sp"), runs_dir=small.runs_dir)
    found = compare([small.l2, queued, small.delta], small.runs_dir)
    assert [each.run.id for each in answered_runs(found)] == [small.l2, small.delta]
    assert found.runs[1].test is None
    assert found.runs[1].interval is None
    assert found.goes_on
    assert agreement_of(found).compared > 0
    assert queued not in {run.id for run in comparable(small.runs_dir)}


def test_a_paused_run_is_compared_and_one_that_never_began_is_not(tmp_path: Path) -> None:
    small = copied(tmp_path / "runs")
    queued = submit(small_config(small.data, "l2_sp"), runs_dir=small.runs_dir)
    store = opened(small.runs_dir)
    store.request(queued, "pause")
    store.set_status(small.l2, RunStatus.PAUSED, expected=RunStatus.COMPLETED)
    offered = {run.id for run in comparable(small.runs_dir)}
    assert small.l2 in offered
    assert queued not in offered
    assert not compare([small.l2, small.delta], small.runs_dir).goes_on
    store.put_back(small.l2)
    assert small.l2 in {run.id for run in comparable(small.runs_dir)}, "it waits, but has begun"
    assert compare([small.l2, small.delta], small.runs_dir).goes_on


def test_other_test_pictures_are_told(tmp_path: Path) -> None:
    small = copied(tmp_path / "runs")
    file = small.folder(small.delta) / "split.json"
    content = json.loads(file.read_text())
    content["test"][0]["digest"] = "f" * 64
    file.write_text(json.dumps(content))
    found = compare([small.l2, small.delta], small.runs_dir)
    assert len(found.notes) == 1
    assert "not tested on the same pictures" in found.notes[0]


def test_a_deleted_run_is_named_not_an_error(small) -> None:
    found = compare([small.l2, "gone-123456"], small.runs_dir)
    assert found.missing == ("gone-123456",)
    assert len(found.runs) == 1


def test_the_same_run_twice_is_one(small) -> None:
    assert len(compare([small.l2, small.l2], small.runs_dir).runs) == 1


def test_more_than_eight_runs_are_too_many(small) -> None:
    with pytest.raises(RunError, match="9 runs were chosen, at most 8"):
        compare([f"run{i}" for i in range(9)], small.runs_dir)


def test_a_measurement_of_attention_is_no_run_to_compare(tmp_path: Path) -> None:
    small = copied(tmp_path / "runs")
    measured = submit_attention(small_config(small.data, "delta"), runs_dir=small.runs_dir)
    with pytest.raises(RunError, match="trained no network"):
        compare([small.l2, measured], small.runs_dir)


def test_no_runs_are_an_empty_comparison(small) -> None:
    found = compare([], small.runs_dir)
    assert found.runs == found.settings == ()

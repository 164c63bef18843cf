"""A run's pictures against its own files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_runs import SmallRuns, copied, small_runs

from delta_app.errors import RunError
from delta_app.services import run_pictures
from delta_app.services.kept import Kept
from delta_app.services.run_pictures import KEPT_BYTES, KEPT_RUNS, pictures_of
from delta_app.services.runs import get_run


@pytest.fixture(scope="module")
def small() -> SmallRuns:
    return small_runs()


def test_every_picture_of_every_split_is_there(small) -> None:
    run = get_run(small.l2, small.runs_dir)
    found = pictures_of(run)
    split = json.loads((run.folder / "split.json").read_text())
    for name in ("train", "val", "test"):
        mine = found.select(split=name)
        assert [p.picture.relative for p in mine] == [p["relative"] for p in split[name]]
        assert [p.key for p in mine] == [p["digest"][:12] for p in split[name]]
    assert found.splits() == ("test", "val", "train")
    assert {p.true_class for p in found.pictures} == {"blue", "green", "red"}


def test_answers_are_the_runs_own(small) -> None:
    run = get_run(small.l2, small.runs_dir)
    found = pictures_of(run)
    test = json.loads((run.folder / "predictions.json").read_text())["test"]
    right = found.select(split="test", verdict="right")
    wrong = found.select(split="test", verdict="wrong")
    assert len(right) + len(wrong) == len(test["pictures"])
    assert len(right) / len(test["pictures"]) == pytest.approx(test["top1"])
    first = found.find(found.select(split="test")[0].key)
    assert first is not None
    assert first.probability == max(test["pictures"][0]["probabilities"])
    assert first.picture.relative == test["pictures"][0]["relative"]


def test_training_pictures_have_no_answer(small) -> None:
    found = pictures_of(get_run(small.l2, small.runs_dir))
    assert {p.verdict for p in found.select(split="train")} == {None}


def test_filters_narrow_together(small) -> None:
    found = pictures_of(get_run(small.l2, small.runs_dir))
    some = found.select(split="test", true_class="red")
    assert some
    assert {(p.split, p.true_class) for p in some} == {("test", "red")}


def test_the_same_picture_is_found_in_another_run(small) -> None:
    first, second = (pictures_of(get_run(i, small.runs_dir)) for i in (small.l2, small.delta))
    picture = first.pictures[5]
    same = second.same(picture.picture)
    assert same is not None
    assert same.picture.digest == picture.picture.digest
    assert first.find("0" * 12) is None
    assert first.find(None) is None


def test_new_predictions_are_noticed(tmp_path: Path) -> None:
    small = copied(tmp_path / "runs")
    run = get_run(small.l2, small.runs_dir)
    assert pictures_of(run).select(split="test")[0].predicted is not None
    (run.folder / "predictions.json").unlink()
    assert pictures_of(run).select(split="test")[0].predicted is None


def test_a_run_that_has_not_split_yet_says_so(tmp_path: Path) -> None:
    small = copied(tmp_path / "runs")
    run = get_run(small.l2, small.runs_dir)
    (run.folder / "split.json").unlink()
    with pytest.raises(RunError, match="has not read its pictures yet"):
        pictures_of(run)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    small = copied(tmp_path / "runs")
    run = get_run(small.l2, small.runs_dir)
    (run.folder / "split.json").write_text("{")
    with pytest.raises(RunError, match=run.id):
        pictures_of(run)


def test_of_many_runs_few_are_kept_and_of_large_ones_fewer(
    small, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = get_run(small.l2, small.runs_dir)
    pictures = len(pictures_of(run).pictures)
    assert run_pictures._bytes_of(pictures_of(run)) > 1_000 * pictures
    kept = Kept(KEPT_BYTES, run_pictures._bytes_of, most=KEPT_RUNS)
    monkeypatch.setattr(run_pictures, "_kept", kept)
    for stamp in range(KEPT_RUNS + 5):
        monkeypatch.setattr(run_pictures, "_stamp", lambda path, stamp=stamp: (stamp, 1))
        assert len(pictures_of(run).pictures) == pictures
    assert len(kept) == KEPT_RUNS
    monkeypatch.setattr(kept, "_most_bytes", 3 * run_pictures._bytes_of(pictures_of(run)))
    monkeypatch.setattr(run_pictures, "_stamp", lambda path: (99, 1))
    pictures_of(run)
    assert len(kept) == 3

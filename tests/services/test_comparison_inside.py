from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_runs import SmallRuns, copied, small_runs

from delta_app.services.comparison import compare
from delta_app.services.comparison_inside import (
    attentions,
    common_layers,
    overlays,
    shared_pictures,
    weightings,
)
from delta_app.services.inspection import Inspector, from_split
from delta_app.services.weighting import UNIFORM_WEIGHTING


@pytest.fixture(scope="module")
def small() -> SmallRuns:
    return small_runs()


def test_layers_are_those_of_all_runs(small) -> None:
    found = compare([small.l2, small.delta], small.runs_dir)
    about = json.loads((small.folder(small.l2) / "model.json").read_text())
    assert list(common_layers(found)) == about["behaviour_layers"]
    assert common_layers(compare([], small.runs_dir)) == ()


def test_every_named_w_is_offered_and_the_uniform_one_last(small) -> None:
    found = compare([small.l2, small.delta, small.shuffled], small.runs_dir)
    layer = common_layers(found)[0]
    assert [w.key for w in weightings(found, layer)] == [small.delta, small.shuffled, "uniform"]
    kinds = [a.kind if a else None for _, a in attentions(found)]
    assert kinds == [None, "learned", "shuffled"]


def test_runs_show_the_same_picture_with_one_w_on_one_scale(small) -> None:
    found = compare([small.l2, small.delta], small.runs_dir)
    layer = common_layers(found)[-1]
    pictures = shared_pictures(found)
    assert pictures is not None
    picture = from_split(pictures.select(split="test")[0])
    weighting = weightings(found, layer)[0]
    shown = overlays(found, picture, layer, weighting, runs_dir=small.runs_dir)
    assert shown.same_source
    first, second = shown.shown
    assert first.activation_scale == second.activation_scale
    assert first.drift_scale == second.drift_scale
    # L2's own W would be uniform: here DELTA's stands for both.
    alone = Inspector(small.l2, small.runs_dir).maps(picture, layer, weighting)
    assert first.drift_total == pytest.approx(float(alone.drift.sum()))
    for side in shown.runs:
        inspector = Inspector(side.compared.run.id, small.runs_dir)
        assert side.answer == inspector.probabilities(picture)[0]


def test_a_run_that_cannot_be_looked_into_says_why_and_the_others_are_shown(
    tmp_path: Path,
) -> None:
    small = copied(tmp_path / "runs")
    (small.folder(small.l2) / "best.safetensors").unlink()
    found = compare([small.l2, small.delta], small.runs_dir)
    pictures = shared_pictures(found)
    assert pictures is not None
    shown = overlays(
        found,
        from_split(pictures.pictures[0]),
        common_layers(found)[0],
        UNIFORM_WEIGHTING,
        runs_dir=small.runs_dir,
    )
    assert shown.runs[0].problem is not None
    assert "no weights to look at" in shown.runs[0].problem.message
    assert shown.runs[1].overlays is not None
    assert len(shown.shown) == 1


def test_only_pictures_that_all_runs_know_are_shared(tmp_path: Path) -> None:
    small = copied(tmp_path / "runs")
    file = small.folder(small.delta) / "split.json"
    content = json.loads(file.read_text())
    dropped = content["test"][0]["digest"]
    content["test"][0]["digest"] = "f" * 64
    file.write_text(json.dumps(content))
    found = compare([small.l2, small.delta], small.runs_dir)
    pictures = shared_pictures(found)
    assert pictures is not None
    digests = {p.picture.digest for p in pictures.pictures}
    assert dropped not in digests
    assert len(digests) == sum(len(content[s]) for s in ("train", "val", "test")) - 1

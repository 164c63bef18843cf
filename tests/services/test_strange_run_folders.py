"""Run folders that a stranger has changed: every service says so, and nothing in them runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_runs import SmallRuns, copied

from benchmarks.damage.weights import malicious
from delta_app.errors import DeltaAppError, RunError
from delta_app.models.build import build_network
from delta_app.models.head import head_of
from delta_app.runs.records import RunRecord
from delta_app.services.attention_export import authors_json
from delta_app.services.export import export
from delta_app.services.inspection import Inspector, from_split
from delta_app.services.measured_attention import measurement
from delta_app.services.predict import predict
from delta_app.services.run_pictures import pictures_of
from delta_app.services.runs import get_run
from delta_app.services.shown_attention import shown_attention
from delta_app.services.split_results import results_of
from delta_app.training.weights_files import fill


@pytest.fixture
def small(tmp_path: Path) -> SmallRuns:
    return copied(tmp_path / "runs")


@pytest.fixture
def run(small: SmallRuns) -> RunRecord:
    return get_run(small.delta, small.runs_dir)


def a_picture(small: SmallRuns) -> Path:
    return next(small.data.rglob("*.png"))


def overlays(run: RunRecord) -> None:
    looked_at = from_split(pictures_of(run).pictures[0])
    inside = Inspector(run.id, run.folder.parent)
    inside.overlays(looked_at, inside.layers[0])


DOORS: dict[str, tuple[Callable[[RunRecord], object], ...]] = {
    "best.safetensors": (
        lambda run: predict(run, [pictures_of(run).pictures[0].picture.path]),
        lambda run: export(run, run.folder / "bundle"),
        overlays,
    ),
    "head.safetensors": (
        lambda run: fill(
            head_of(build_network(run.backbone, 3))[1], run.folder / "head.safetensors"
        ),
    ),
    "attention.json": (shown_attention, measurement, authors_json, overlays),
    "by_picture.safetensors": (lambda run: measurement(run).by_picture(),),  # type: ignore[union-attr]
    "model.json": (results_of, overlays, lambda run: export(run, run.folder / "bundle")),
    "split.json": (pictures_of,),
    "predictions.json": (pictures_of, results_of),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "place"), [(name, n) for name, doors in DOORS.items() for n in range(len(doors))]
)
def test_a_pickle_in_the_place_of_a_file_is_refused_and_does_not_run(
    name: str, place: int, run: RunRecord, tmp_path: Path
) -> None:
    DOORS[name][place](run)
    canary = tmp_path / "canary"
    files = malicious(canary, {"fc.weight": torch.zeros(3, 1024), "fc.bias": torch.zeros(3)})
    for kind in ("os.system.pth", "os.system.safetensors", "exec legacy.pth", "runpy alone.pt"):
        (run.folder / name).write_bytes(files[kind])
        with pytest.raises(DeltaAppError) as caught:
            DOORS[name][place](run)
        assert str(run.folder) in caught.value.message
        assert "\n" not in str(caught.value)
        assert not canary.exists()


def changed(run: RunRecord, name: str, change: Callable[[Any], object]) -> None:
    content = json.loads((run.folder / name).read_text())
    change(content)
    (run.folder / name).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("split.json", lambda c: c["train"][0].update(label=3)),
        ("split.json", lambda c: c["train"][0].update(label=-1)),
        ("split.json", lambda c: c["train"][0].update(path=7)),
        ("split.json", lambda c: c["test"][0].update(digest="../../etc")),
        ("split.json", lambda c: c.update(classes=["a", {}])),
        ("split.json", lambda c: c["val"].append([])),
        ("predictions.json", lambda c: c["test"]["pictures"].pop()),
        ("predictions.json", lambda c: c["test"]["pictures"][0].update(predicted=-1)),
        ("predictions.json", lambda c: c["test"]["pictures"][0].update(predicted=3)),
        ("predictions.json", lambda c: c["test"]["pictures"][0].update(probabilities=["x"] * 3)),
        ("predictions.json", lambda c: c["test"]["pictures"][0].update(probabilities=[1.0])),
        ("predictions.json", lambda c: c["test"].update(pictures={})),
    ],
)
def test_pictures_that_cannot_be_a_runs_are_refused(
    name: str, change: Callable[[Any], object], run: RunRecord
) -> None:
    pictures_of(run)
    changed(run, name, change)
    with pytest.raises(RunError, match=r"The pictures of the run in .* cannot be read") as caught:
        pictures_of(run)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["test"].update(top1=2.0),
        lambda c: c["test"].update(top1="good"),
        lambda c: c["test"].update(cross_entropy=None),
        lambda c: c["test"]["recall"].pop(),
        lambda c: c["test"]["confusion"].pop(),
        lambda c: c["test"]["confusion"][0].pop(),
        lambda c: c["test"]["confusion"][0].__setitem__(0, -1),
        lambda c: c.update(test=[]),
    ],
)
def test_results_that_cannot_be_are_refused(
    change: Callable[[Any], object], run: RunRecord
) -> None:
    assert results_of(run)
    changed(run, "predictions.json", change)
    with pytest.raises(RunError, match=r"The results in .* cannot be read"):
        results_of(run)


def test_a_network_that_has_run_away_still_answers_and_its_maps_are_refused(
    run: RunRecord, small: SmallRuns
) -> None:
    """As its evaluation counts it: one bit in a file is enough for it."""
    file = run.folder / "best.safetensors"
    state = load_file(file)
    name = next(n for n in state if n.endswith("weight") and state[n].dim() == 4)
    state[name] = state[name] * 1e38
    save_file(state, file)
    (found,) = predict(run, [a_picture(small)])
    assert sum(found.probabilities) == pytest.approx(1.0)
    inside = Inspector(run.id, small.runs_dir)
    looked_at = from_split(pictures_of(run).pictures[0])
    assert sum(share for _, share in inside.probabilities(looked_at)) == pytest.approx(1.0)
    for look in (inside.overlays, lambda *of: inside.filters(*of, 3)):
        with pytest.raises(RunError, match="are not finite numbers") as caught:
            look(looked_at, inside.layers[-1])
        assert str(file) in caught.value.message


def test_settings_beyond_what_json_holds_do_not_stop_an_export(
    run: RunRecord, tmp_path: Path
) -> None:
    config = (run.folder / "config.json").read_text()
    assert '"warmup_epochs": 0.0' in config
    (run.folder / "config.json").write_text(
        config.replace('"warmup_epochs": 0.0', '"warmup_epochs": 1e999')
    )
    bundle = export(run, tmp_path / "bundle")
    about = json.loads(bundle.description.read_text())
    assert about["trained"]["config"]["optimization"]["warmup_epochs"] is None


def test_a_run_whose_network_names_no_layers_cannot_be_looked_into(run: RunRecord) -> None:
    changed(run, "model.json", lambda content: content.update(behaviour_layers=[]))
    with pytest.raises(RunError, match=r"model\.json names no behaviour layers"):
        Inspector(run.id, run.folder.parent)

"""Curves of a small measurement: on which pictures, kept where, and what a stop leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from delta_app.attention.artifact import load_attention
from delta_app.attention.faithfulness import Faithfulness, load_faithfulness
from delta_app.data.records import Picture, Splits
from delta_app.models.build import build_source, build_target
from delta_app.models.head import head_of
from delta_app.training import faithfulness_of_run as tested
from delta_app.training.evaluation import evaluate, pairs
from delta_app.training.faithfulness_of_run import PHASE, evenly_chosen
from delta_app.training.loop import measure_attention, run_training
from delta_app.training.observer import Silent, Unstoppable
from delta_app.training.preparation import Caches, Pictures, prepare_networks
from delta_app.training.run_config import RunConfig
from delta_app.training.weights_files import load_saved

Config = Callable[..., RunConfig]

QUICK = {"head_epochs": 1, "attention_batches": 1, "attention_batch_size": 6}


@pytest.fixture
def measure(config: Config, tmp_path: Path) -> Callable[..., Path]:
    """measure("name", watcher, **settings): the run's folder, its faithfulness asked for."""

    def run(name: str, observer: Any, **settings: Any) -> Path:
        asked = QUICK | {"faithfulness": True} | settings
        folder = tmp_path / name
        measure_attention(config("delta", **asked), folder, observer, Unstoppable())
        return folder

    return run


def curves_of(folder: Path) -> Faithfulness:
    return load_faithfulness(folder / "faithfulness.json")


def phases(watcher: Any) -> set[str]:
    return {phase[0] for phase in watcher.phases}


@pytest.mark.slow
def test_every_layer_on_the_validation_pictures_beside_the_attention(
    measure: Callable[..., Path], watcher: Any
) -> None:
    folder = measure("m", watcher)
    found, attention = curves_of(folder), load_attention(folder / "attention.json")
    held_back = json.loads((folder / "split.json").read_text())["val"]
    assert (found.split, found.pictures, found.orders) == ("val", len(held_back), 5)
    assert list(found.layers) == list(attention.layers)
    assert all(len(layer.random) == 5 for layer in found.layers.values())
    shared = folder.parent / "attention" / attention.key
    assert curves_of(shared).contents == found.contents
    done = [phase[1:3] for phase in watcher.phases if phase[0] == PHASE]
    assert done[0][0] == 0
    assert done[-1][0] == done[-1][1] > 0
    assert [one for one, _ in done] == sorted(one for one, _ in done)


@pytest.mark.slow
def test_nothing_disabled_is_the_network_with_the_kept_head(
    measure: Callable[..., Path], config: Config, watcher: Any
) -> None:
    folder = measure("m", watcher)
    splits = Splits.from_json(json.loads((folder / "split.json").read_text()))
    model = build_target(build_source("shufflenet_v2_x0_5", "random"), 3, torch.Generator())
    head_of(model)[1].load_state_dict(load_saved(folder / "head.safetensors"))
    settings = config("delta", **QUICK)
    networks = prepare_networks(settings, 3, Silent())
    caches = Caches(settings, Pictures(splits), networks.preprocessing, Silent(), Unstoppable())
    expected = evaluate(model, pairs(caches.plain(splits.val, 64)))
    for layer in curves_of(folder).layers.values():
        for curve in (layer.most, layer.least, *layer.random):
            assert float(curve.loss[0]) == pytest.approx(expected.cross_entropy, rel=1e-4)
            assert float(curve.accuracy[0]) == expected.top1


@pytest.mark.slow
def test_without_validation_on_the_test_pictures_and_said_so(
    measure: Callable[..., Path], watcher: Any
) -> None:
    found = curves_of(measure("m", watcher, val_fraction=0.0))
    assert (found.split, found.pictures) == ("test", 6)
    assert any("6 test pictures; there is no validation split" in line for line in watcher.said)


def test_without_held_back_pictures_there_are_no_curves(
    measure: Callable[..., Path], watcher: Any
) -> None:
    folder = measure("m", watcher, val_fraction=0.0, test_fraction=0.0)
    assert (folder / "attention.json").is_file()
    assert not (folder / "faithfulness.json").exists()
    assert any("No pictures are held back" in line for line in watcher.said)


@pytest.mark.slow
def test_only_the_curves_are_measured_where_the_attention_is_there(
    measure: Callable[..., Path], watcher: Any
) -> None:
    later, again = type(watcher)(), type(watcher)()
    plain = measure("plain", watcher, faithfulness=False)
    assert not (plain / "faithfulness.json").exists()
    assert PHASE not in phases(watcher)
    asked = measure("asked", later)
    assert PHASE in phases(later)
    assert "measuring attention" not in phases(later)
    reused = measure("reused", again)
    assert PHASE not in phases(again)
    assert any("Reusing its faithfulness" in line for line in again.said)
    assert (asked / "faithfulness.json").read_bytes() == (reused / "faithfulness.json").read_bytes()
    keys = [load_attention(each / "attention.json").key for each in (plain, asked, reused)]
    assert len(set(keys)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["contents", "cut"])
def test_curves_of_other_pictures_or_half_a_file_are_measured_anew(
    damage: str, measure: Callable[..., Path], watcher: Any
) -> None:
    folder = measure("m", Silent())
    key = load_attention(folder / "attention.json").key
    shared = folder.parent / "attention" / key / "faithfulness.json"
    right = shared.read_text()
    wrong = right.replace(curves_of(folder).contents, "of other pictures")
    shared.write_text(wrong if damage == "contents" else right[:100])
    measure("again", watcher)
    assert PHASE in phases(watcher)
    assert shared.read_text() == right, "the same pictures and seed give the same curves"


@pytest.mark.slow
@pytest.mark.parametrize(("request_", "ended"), [("stop", "stopped"), ("interrupt", "interrupted")])
def test_a_stop_keeps_the_attention_and_leaves_the_curves_out(
    request_: str, ended: str, config: Config, tmp_path: Path, watcher: Any
) -> None:
    folder = tmp_path / "m"
    asked = config("delta", faithfulness=True, **QUICK)

    class WhileMeasuring:
        def request(self) -> str:
            begun = [phase for phase in watcher.phases if phase[0] == PHASE]
            return request_ if len(begun) > 3 else "run"

    assert measure_attention(asked, folder, watcher, WhileMeasuring()).ended == ended
    assert load_attention(folder / "attention.json").layers
    assert watcher.known["attention"] == str(folder / "attention.json")
    assert not (folder / "faithfulness.json").exists()
    assert not list((folder.parent / "attention").rglob("faithfulness.json"))
    assert any("kept without it" in line for line in watcher.said)


@pytest.mark.slow
def test_a_training_run_measures_no_curves(config: Config, tmp_path: Path, watcher: Any) -> None:
    asked = config("delta", faithfulness=True, epochs=1, **QUICK)
    run_training(asked, tmp_path / "run", watcher, Unstoppable())
    assert (tmp_path / "run" / "attention.json").is_file()
    assert not (tmp_path / "run" / "faithfulness.json").exists()
    assert PHASE not in phases(watcher)


@pytest.mark.slow
def test_many_pictures_are_capped_and_said(
    measure: Callable[..., Path], watcher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tested, "MOST_PICTURES", 3)
    found = curves_of(measure("m", watcher, val_fraction=0.0))
    assert found.pictures == 3
    assert any(
        "3 test pictures, drawn from 6 evenly over the classes" in line for line in watcher.said
    )


def pictures_of(*labels: int) -> list[Picture]:
    return [
        Picture(f"/{i}", str(i), label, digest=f"{i:02}", width=1, height=1)
        for i, label in enumerate(labels)
    ]


def test_chosen_pictures_lie_evenly_over_the_classes() -> None:
    pictures = pictures_of(*[0] * 20, *[1] * 20, 2, 2)
    chosen = evenly_chosen(pictures, 10, seed=0)
    counts = [sum(p.label == label for p in chosen) for label in range(3)]
    assert counts == [4, 4, 2]
    assert [p.relative for p in chosen] == sorted((p.relative for p in chosen), key=int)
    assert evenly_chosen(pictures, 10, seed=0) == chosen
    assert evenly_chosen(pictures, 10, seed=1) != chosen
    assert evenly_chosen(pictures, 100, seed=0) == tuple(pictures)


def test_fewer_places_than_classes_take_one_of_each() -> None:
    chosen = evenly_chosen(pictures_of(*[0] * 9, *range(1, 9)), 5, seed=0)
    assert len({p.label for p in chosen}) == 5

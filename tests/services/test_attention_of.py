"""A run's own network measured, found again beside the run, offered to others, and exported."""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from small_runs import ATTENTION, SMALL, SmallRuns, copied, small_config
from torch import Tensor

from delta_app.attention.artifact import load_attention
from delta_app.cli.commands import attention as attention_command
from delta_app.errors import RunError
from delta_app.models.build import build_network
from delta_app.runs.control import Shutdown
from delta_app.runs.execute import execute
from delta_app.runs.opened import opened
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.services import runs
from delta_app.services.attention_export import authors_json, export_attention
from delta_app.services.attention_of import attention_of_config
from delta_app.services.forms import command_line
from delta_app.services.shown_attention import attention_at_end, finished_attentions
from delta_app.services.trained_model import trained_model
from delta_app.training.run_config import RunConfig
from delta_app.training.weights_files import load_saved


@pytest.fixture
def small(tmp_path: Path) -> SmallRuns:
    return copied(tmp_path / "runs")


def measured(small: SmallRuns, run_id: str) -> RunRecord:
    """The run that measures the network of a run, done."""
    store = opened(small.runs_dir)
    measuring = runs.submit_attention_of(run_id, runs_dir=small.runs_dir)
    store.begin(measuring)
    return execute(store, measuring, Shutdown())


def test_what_is_queued_has_the_runs_data_model_and_attention_settings(small: SmallRuns) -> None:
    run = runs.get_run(small.delta, small.runs_dir)
    queued = runs.get_run(runs.submit_attention_of(run.id, runs_dir=small.runs_dir), small.runs_dir)
    assert (queued.kind, queued.status) == (runs.ATTENTION, RunStatus.QUEUED)
    assert queued.name == f"Attention of {run.id} · shapes"
    config, trained = (
        RunConfig.model_validate(values) for values in (queued.config["run"], run.config)
    )
    assert config.data == trained.data
    assert config.model.behaviour_layers == tuple(run.facts["behaviour_layers"])
    settings = config.attention.model_dump()
    assert settings.pop("attention_of") == str(run.folder)
    assert {name: settings[name] for name in ATTENTION} == ATTENTION


@pytest.mark.slow
def test_its_own_network_is_measured_with_its_own_head(small: SmallRuns) -> None:
    """Against full forwards of the kept weights on the pictures that are said to be measured."""
    ended = measured(small, small.l2)
    assert ended.status is RunStatus.COMPLETED, ended.error
    trained = runs.get_run(small.l2, small.runs_dir)
    found = load_attention(ended.folder / "attention.json")
    best = (trained.folder / "best.safetensors").read_bytes()
    assert found.weights_digest == hashlib.sha256(best).hexdigest()
    assert (ended.folder / "split.json").read_text() == (trained.folder / "split.json").read_text()
    head = load_saved(ended.folder / "head.safetensors")
    assert torch.equal(head["weight"], load_saved(trained.folder / "best.safetensors")["fc.weight"])
    network = build_network("shufflenet_v2_x0_5", 3)
    network.load_state_dict(load_saved(trained.folder / "best.safetensors"))
    images, labels = pictures(trained, found.pictures)
    for name, layer in found.layers.items():
        for channel in (0, len(layer.importance) - 1):
            expected = rise(network.eval().double(), name, channel, images.double(), labels)
            got = float(layer.importance[channel])
            assert got == pytest.approx(expected, rel=1e-3, abs=1e-5), (name, channel)


def pictures(run: RunRecord, digests: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    """Those pictures of a run's training split as its network sees them, and their labels."""
    from torchvision.transforms import v2

    from delta_app.data.decode import open_rgb  # here: the test reads pictures its own way

    size = trained_model(run).preprocessing
    split = json.loads((run.folder / "split.json").read_text())["train"]
    chosen = {picture["digest"]: picture for picture in split if picture["digest"] in digests}
    transform = v2.Compose(
        [
            v2.Resize((size.size, size.size), antialias=True),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(size.mean, size.std),
        ]
    )
    images = torch.stack([transform(open_rgb(each["path"])) for each in chosen.values()])
    return images, torch.tensor([each["label"] for each in chosen.values()])


@torch.no_grad()
def rise(network: Any, layer: str, channel: int, images: Tensor, labels: Tensor) -> float:
    """CE with the channel zero minus CE intact."""

    def zero(module: Any, inputs: Any, output: Tensor) -> Tensor:
        output = output.clone()
        output[:, channel] = 0
        return output

    intact = F.cross_entropy(network(images), labels)
    handle = network.get_submodule(layer).register_forward_hook(zero)
    disabled = F.cross_entropy(network(images), labels)
    handle.remove()
    return float(disabled - intact)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"faithfulness": True, "attention_batches": 4, "attention_batch_size": 32},  # the defaults
        {"attention_batches": None, "attention_reliability": 0.875, "estimator": "combined"},
    ],
)
def test_the_command_that_is_shown_measures_the_same_network(
    changed: dict[str, Any], small: SmallRuns
) -> None:
    of = attention_of_config(runs.get_run(small.delta, small.runs_dir))
    attention = of.attention.model_copy(update=changed)
    config = of.model_copy(update={"attention": attention})
    command = command_line(config, kind=runs.ATTENTION, runs_dir=small.runs_dir)
    parser = argparse.ArgumentParser()
    attention_command.COMMAND.add_options(parser)
    words = shlex.split(command)
    assert words[:6] == ["python", "-m", "delta_app", "attention", "--of", small.delta]
    assert attention_command.config_of(parser.parse_args(words[4:])) == config


@pytest.mark.slow
def test_it_is_found_beside_where_the_run_began(small: SmallRuns) -> None:
    trained = runs.get_run(small.delta, small.runs_dir)
    assert attention_at_end(trained) is None
    waiting = runs.submit_attention_of(small.delta, runs_dir=small.runs_dir)
    found = attention_at_end(trained)
    assert found is not None
    assert (found[0].id, found[1]) == (waiting, None)
    runs.request_stop(waiting, small.runs_dir)
    assert attention_at_end(trained) is None  # stopped before there was anything
    ended = measured(small, small.delta)
    found = attention_at_end(trained)
    assert found is not None
    run, attention = found
    assert run.id == ended.id
    assert attention is not None
    assert attention.pictures == ATTENTION["attention_batch_size"]
    assert attention_at_end(runs.get_run(small.l2, small.runs_dir)) is None


@pytest.mark.slow
def test_the_same_network_is_measured_once_and_another_anew(small: SmallRuns) -> None:
    first, again = measured(small, small.delta), measured(small, small.delta)
    keys = [load_attention(run.folder / "attention.json").key for run in (first, again)]
    assert keys[0] == keys[1]
    assert any("Reusing" in e.message for e in runs.events(again.id, runs_dir=small.runs_dir))
    other = load_attention(measured(small, small.shuffled).folder / "attention.json")
    began = load_attention(small.folder(small.delta) / "attention.json")
    assert len({keys[0], other.key, began.key}) == 3


@pytest.mark.slow
def test_what_has_no_network_cannot_be_measured(small: SmallRuns) -> None:
    waiting = runs.submit(small_config(small.data, "l2"), runs_dir=small.runs_dir)
    with pytest.raises(RunError, match="is queued"):
        runs.submit_attention_of(waiting, runs_dir=small.runs_dir)
    runs.request_stop(waiting, small.runs_dir)
    with pytest.raises(RunError, match="no trained network"):
        runs.submit_attention_of(waiting, runs_dir=small.runs_dir)
    ended = measured(small, small.l2)
    with pytest.raises(RunError, match="trains nothing"):
        attention_of_config(ended)


def test_a_network_that_is_gone_by_then_fails_with_words(small: SmallRuns) -> None:
    trained = runs.get_run(small.l2, small.runs_dir)
    measuring = runs.submit_attention_of(small.l2, runs_dir=small.runs_dir)
    (trained.folder / "best.safetensors").unlink()
    store = opened(small.runs_dir)
    store.begin(measuring)
    ended = execute(store, measuring, Shutdown())
    assert ended.status is RunStatus.FAILED
    assert ended.error is not None
    assert "best.safetensors is not there" in ended.error.message
    assert ended.error.cure


def test_training_does_not_take_another_runs_network_for_its_source(small: SmallRuns) -> None:
    config = attention_of_config(runs.get_run(small.delta, small.runs_dir))
    ended = runs.run_here("training", config, Shutdown(), runs_dir=small.runs_dir)
    assert ended.error is not None
    assert "measure the fine-tuned network" in ended.error.message


@pytest.mark.slow
def test_every_measurement_is_offered_once(small: SmallRuns) -> None:
    """The DELTA run's own; not the shuffled one, which is the same with its weights mixed up."""
    (only,) = finished_attentions(runs_dir=small.runs_dir)
    assert (only.run_id, only.backbone, only.dataset) == (small.delta, SMALL["backbone"], "shapes")
    assert only.path == small.folder(small.delta) / "attention.json"
    measured_layers = load_attention(only.path).layers
    assert only.channels == {name: len(each.attention) for name, each in measured_layers.items()}
    assert (only.estimator, only.pictures) == ("exact", 8)
    config = small_config(small.data, "delta", **ATTENTION)
    alone = runs.run_here(runs.ATTENTION, config, Shutdown(), runs_dir=small.runs_dir)
    at_end = measured(small, small.delta)
    found = finished_attentions(SMALL["backbone"], small.runs_dir)
    assert [each.run_id for each in found] == [at_end.id, alone.id]  # the same key as DELTA's
    assert finished_attentions("resnet18", small.runs_dir) == ()
    (alone.folder / "attention.json").write_text("{")
    found = finished_attentions(None, small.runs_dir)
    assert [each.run_id for each in found] == [at_end.id, small.delta]


def test_the_authors_form_holds_the_importances(small: SmallRuns, tmp_path: Path) -> None:
    run = runs.get_run(small.delta, small.runs_dir)
    layers = load_attention(run.folder / "attention.json").layers
    expected = [layer.importance.tolist() for layer in layers.values()]
    assert json.loads(authors_json(run)) == expected
    files = export_attention(run, tmp_path / "out")
    assert json.loads(files.authors.read_text()) == expected
    assert files.attention.read_bytes() == (run.folder / "attention.json").read_bytes()
    with pytest.raises(RunError, match="no measured attention"):
        authors_json(runs.get_run(small.l2, small.runs_dir))

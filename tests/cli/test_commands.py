"""Every command on real runs: what it prints, and what it ends with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.damage.weights import malicious
from delta_app.runs.folder import RunFolder
from delta_app.runs.locks import own
from delta_app.runs.opened import opened
from delta_app.runs.records import RunStatus
from delta_app.services import runs
from delta_app.training.run_config import RunConfig

pytestmark = pytest.mark.slow

KEYS = ["run", "status", "val_top1", "test_top1", "seconds", "attention"]

Say = Callable[..., Any]


def test_train_ends_with_one_line_of_json(
    trained: tuple[list[str], dict[str, Any]], tmp_path: Path
) -> None:
    _, result = trained
    assert list(result) == KEYS
    assert result["status"] == "completed"
    assert 0 <= result["val_top1"] <= 1
    assert 0 <= result["test_top1"] <= 1
    assert result["seconds"] > 0
    assert result["attention"] is None
    assert (tmp_path / "runs" / result["run"] / "best.safetensors").is_file()


def test_progress_goes_to_stderr_alone(say: Say, small: list[str], tmp_path: Path) -> None:
    said = say("train", *small, "--method", "linear_probe", "--runs-dir", tmp_path)
    assert said.code == 0
    assert "Epoch 2 of 2" in said.err
    assert len(said.out.splitlines()) == 1
    assert "completed" in said.out


def test_without_validation_val_top1_is_null(say: Say, small: list[str], tmp_path: Path) -> None:
    words = ["--method", "l2", "--val-fraction", "0", "--json", "--runs-dir", tmp_path]
    result = say("train", *small, *words).last_json
    assert result["val_top1"] is None
    assert result["test_top1"] is not None


def test_delta_names_its_attention_which_another_run_can_read(
    say: Say, small: list[str], tmp_path: Path
) -> None:
    where = ["--json", "--runs-dir", tmp_path / "runs"]
    out = tmp_path / "attention.json"
    basics = small[:8]  # the measurement has no epochs and batch size of training
    measured = say("attention", *basics, *QUICK, *where, "--threads", "1", "--out", out)
    assert measured.code == 0, measured.err
    assert measured.last_json["attention"] == str(out)
    assert measured.last_json["pictures"] == 4
    layers = {entry["name"]: entry["channels"] for entry in json.loads(out.read_text())["layers"]}
    assert {n: each["channels"] for n, each in measured.last_json["layers"].items()} == layers

    run = say("train", *small, "--method", "delta", "--attention", out, *where)
    assert run.code == 0, run.err
    kept = Path(run.last_json["attention"])
    assert json.loads(kept.read_text())["layers"] == json.loads(out.read_text())["layers"]


@pytest.mark.parametrize(("batches", "pictures"), [("1", 8), ("all", None), ("until-stable", None)])
def test_attention_says_how_well_each_layer_is_known(
    batches: str, pictures: int | None, say: Say, small: list[str], tmp_path: Path
) -> None:
    options = [*small[:8], "--head-epochs", "1", "--attention-batch-size", "8", "--device", "cpu"]
    words = ["--estimator", "combined", "--batches", batches, "--runs-dir", tmp_path / "runs"]
    said = say("attention", *options, *words, "--out", tmp_path / "a.json", "--json")
    assert said.code == 0, said.err
    found = said.last_json
    assert found["seconds"] > 0
    assert pictures is None or found["pictures"] == pictures
    assert (tmp_path / "a.json").is_file()
    for layer in found["layers"].values():
        assert sorted(layer) == ["channels", "effective_share", "reliability", "split_half"]
        assert 0 < layer["effective_share"] <= 1


QUICK = ["--attention-batches", "1", "--attention-batch-size", "4", "--head-epochs", "1"]


def test_the_authors_form_is_written_and_read(say: Say, small: list[str], tmp_path: Path) -> None:
    where = ["--json", "--runs-dir", tmp_path / "runs"]
    own, authors = tmp_path / "own.json", tmp_path / "authors.json"
    out = ["--out", own, "--authors-out", authors]
    said = say("attention", *small[:8], *QUICK, "--temperature", "2", *out, *where)
    assert said.code == 0, said.err
    measured = json.loads(own.read_text())["layers"]
    assert json.loads(authors.read_text()) == [layer["importance"] for layer in measured]

    train = ["train", *small, "--method", "delta", "--attention", authors, *where]
    run = say(*train, "--temperature", "2").last_json
    kept = json.loads(Path(run["attention"]).read_text())["layers"]
    for one, other in zip(kept, measured, strict=True):
        assert one["attention"] == pytest.approx(other["attention"])
    refused = say(*train, "--head-epochs", "2")
    assert (refused.code, "--head-epochs" in refused.err) == (2, True)
    refused = say(*train[:-4], own, *where, "--temperature", "2")  # holds the attention itself
    assert (refused.code, "--temperature" in refused.err) == (2, True)

    exported = say("export", run["run"], "--what", "attention", "--out", tmp_path / "x", *where)
    assert exported.code == 0, exported.err
    lists = json.loads(Path(exported.last_json["authors"]).read_text())
    assert lists == json.loads(authors.read_text())
    assert Path(exported.last_json["attention"]).is_file()


def test_a_runs_own_network_is_measured(
    say: Say, trained: tuple[list[str], dict[str, Any]], tmp_path: Path
) -> None:
    where, result = trained
    said = say("attention", "--of", "first", *QUICK, "--json", *where)
    assert said.code == 0, said.err
    kept = json.loads(Path(said.last_json["attention"]).read_text())
    folder = str(tmp_path / "runs" / result["run"])
    assert kept["settings"]["attention_of"] == folder
    assert kept["settings"]["attention_batch_size"] == 4
    assert said.last_json["pictures"] == 4
    config = Path(said.last_json["attention"]).with_name("config.json")
    again = say("attention", "--config", config, "--json", *where)
    assert "Reusing the attention" in again.err
    refused = say("attention", "--of", "first", "--backbone", "resnet18", *where)
    assert (refused.code, "--backbone: --of first" in refused.err) == (2, True)
    refused = say("attention", "--of", "first", "--config", config, *where)
    assert (refused.code, "--config: --of first" in refused.err) == (2, True)
    refused = say("attention", "--config", config, "--backbone", "resnet18", *where)
    assert (refused.code, "--backbone: --config" in refused.err) == (2, True)
    unknown = say("attention", "--of", "nobody", *where)
    assert (unknown.code, "nobody" in unknown.err) == (1, True)


def test_attention_says_how_faithful_each_layer_is_where_that_is_asked_for(
    say: Say, small: list[str], tmp_path: Path
) -> None:
    options = [*small[:8], "--head-epochs", "1", "--attention-batch-size", "8", "--device", "cpu"]
    words = ["--batches", "1", "--faithfulness", "--runs-dir", tmp_path / "runs"]
    said = say("attention", *options, *words, "--json")
    assert said.code == 0, said.err
    assert "Measuring faithfulness" in said.err
    run = tmp_path / "runs" / said.last_json["run"]
    curves = json.loads((run / "faithfulness.json").read_text())
    assert [entry["name"] for entry in curves["layers"]] == list(said.last_json["layers"])
    for entry in curves["layers"]:
        layer = said.last_json["layers"][entry["name"]]
        most, least = (np.array(entry[order]["loss"]) for order in ("most", "least"))
        area = np.trapezoid(most - least, entry["shares"])
        assert layer["area_between"] == pytest.approx(area)
        assert layer["better_than_random"] in (True, False)
    plain = say("attention", *options, *words)
    for name in said.last_json["layers"]:
        assert f"{name}: " in plain.out
    assert "than random, area between" in plain.out


def test_runs_list_has_the_same_keys_and_more(
    say: Say, trained: tuple[list[str], dict[str, Any]]
) -> None:
    where, result = trained
    listed = say("runs", "list", "--json", *where).last_json["runs"]
    assert [{key: run[key] for key in KEYS} for run in listed] == [result]
    assert (listed[0]["name"], listed[0]["method"]) == ("first", "l2")
    table = say("runs", "list", *where).out
    assert result["run"] in table
    assert "completed" in table


def test_runs_show_says_settings_and_log(
    say: Say, trained: tuple[list[str], dict[str, Any]]
) -> None:
    where, result = trained
    shown = say("runs", "show", "first", "--json", *where).last_json
    assert shown["run"] == result["run"]
    assert shown["config"]["optimization"]["epochs"] == 2
    assert "Epoch 2 of 2" in say("runs", "show", result["run"][:6], *where).out


def test_runs_delete_asks_or_needs_yes(
    say: Say, trained: tuple[list[str], dict[str, Any]], tmp_path: Path
) -> None:
    where, result = trained
    refused = say("runs", "delete", "first", *where)
    assert (refused.code, "--yes" in refused.err) == (2, True)
    assert say("runs", "delete", "first", "--yes", *where).code == 0
    assert not (tmp_path / "runs" / result["run"]).exists()
    assert say("runs", "list", "--json", *where).last_json == {"runs": []}


@pytest.fixture
def queued(tmp_path: Path, shapes: Path) -> tuple[list[str], list[str]]:
    """Nine runs that wait in a store of their own: the option that names the store, their ids."""
    where = tmp_path / "runs"
    values = {"method": "l2", "data": str(shapes), "backbone": "resnet18", "weights": "random"}
    ids = [runs.submit(RunConfig.from_flat(values), runs_dir=where) for _ in range(9)]
    return ["--runs-dir", str(where)], ids


def listed(say: Say, where: list[str]) -> set[str]:
    return {run["run"] for run in say("runs", "list", "--json", *where).last_json["runs"]}


def test_a_damaged_store_names_the_command_that_makes_it_anew(
    say: Say, queued: tuple[list[str], list[str]]
) -> None:
    where, ids = queued
    file = Path(where[1]) / "store.sqlite"
    store = opened(where[1])
    store.rename(ids[3], "\x1b[31mred")
    store.close()
    file.write_bytes(b"certainly not SQLite" * 1000)
    said = say("runs", "list", *where)
    assert (said.code, said.out) == (1, "")
    assert "`python -m delta_app runs repair`" in said.err
    assert "Traceback" not in said.err
    repaired = say("runs", "repair", "--json", *where)
    assert repaired.code == 0
    found = repaired.last_json
    assert (found["sound"], found["left"], found["gone"]) == (False, [], [])
    assert [run["run"] for run in found["runs"]] == ids
    assert {(run["status"], run["done"]) for run in found["runs"]} == {("queued", "rebuilt")}
    assert Path(found["moved_to"]).read_bytes().startswith(b"certainly")
    assert listed(say, where) == set(ids)
    (Path(where[1]) / "store.sqlite").unlink()
    words = say("runs", "repair", *where).out
    assert "A new one was made." in words
    assert f"{ids[0]} (" in words
    assert "\x1b" not in words
    assert "is sound." in say("runs", "repair", *where).out


def test_a_run_that_is_named_twice_is_deleted_once(
    say: Say, queued: tuple[list[str], list[str]]
) -> None:
    where, (first, *others) = queued
    said = say("runs", "delete", first, first, "--yes", *where)
    assert said.code == 0, said.err
    assert listed(say, where) == set(others)


def test_beside_a_running_run_nothing_is_deleted(
    say: Say, queued: tuple[list[str], list[str]]
) -> None:
    where, ids = queued
    store = opened(Path(where[1]))
    lock = own(RunFolder(store.get(ids[1]).folder))
    store.set_status(ids[1], RunStatus.RUNNING, expected=RunStatus.QUEUED)
    try:
        said = say("runs", "delete", *ids[:3], "--yes", *where)
        assert said.code == 1
        assert f"({ids[1]}) is running; nothing was deleted." in said.err
        assert listed(say, where) == set(ids)
    finally:
        lock.release()


def test_more_runs_than_a_chart_can_tell_apart_are_refused(
    say: Say, queued: tuple[list[str], list[str]]
) -> None:
    where, ids = queued
    said = say("compare", *ids, *where)
    assert said.code == 2
    assert "expected 8 runs at most, got 9" in said.err


def test_a_run_that_has_ended_cannot_be_stopped(
    say: Say, trained: tuple[list[str], dict[str, Any]]
) -> None:
    where, _ = trained
    said = say("runs", "stop", "first", *where)
    assert said.code == 1
    assert said.err.startswith("error: ")
    assert len(said.err.splitlines()) == 1


def test_predict_says_what_the_run_found_of_its_test_pictures(
    say: Say, trained: tuple[list[str], dict[str, Any]], tmp_path: Path, shapes: Path
) -> None:
    where, result = trained
    kept = json.loads((tmp_path / "runs" / result["run"] / "predictions.json").read_text())
    tested = kept["test"]["pictures"]
    pictures = [shapes / each["relative"] for each in tested]
    said = say("predict", "first", *pictures, "--json", *where)
    assert said.code == 0, said.err
    for each, before in zip(said.last_json["predictions"], tested, strict=True):
        probabilities = [each["probabilities"][name] for name in ("blue", "green", "red")]
        assert probabilities == pytest.approx(before["probabilities"], abs=1e-4)
        assert each["predicted"] == ("blue", "green", "red")[before["predicted"]]


def test_export_writes_two_files(
    say: Say, trained: tuple[list[str], dict[str, Any]], tmp_path: Path
) -> None:
    where, _ = trained
    said = say("export", "first", "--out", tmp_path / "bundle", "--json", *where)
    assert said.code == 0, said.err
    assert Path(said.last_json["weights"]).is_file()
    about = json.loads(Path(said.last_json["description"]).read_text())
    assert about["classes"] == ["blue", "green", "red"]


def test_compare_shows_exactly_the_settings_that_differ(
    say: Say, trained: tuple[list[str], dict[str, Any]], small: list[str]
) -> None:
    where, first = trained
    again = ["--method", "l2", "--lr", "0.02", "--seed", "1", "--json", *where]
    second = say("train", *small, *again).last_json
    said = say("compare", first["run"], second["run"], "--json", *where)
    assert said.last_json["settings"] == {
        "lr": {first["run"]: 0.01, second["run"]: 0.02},
        "seed": {first["run"]: 0, second["run"]: 1},
    }
    counts = said.last_json["test_pictures"]
    assert counts["compared"] == 6
    assert counts["all_right"] + counts["all_wrong"] + counts["disagree"] == 6
    table = say("compare", first["run"], second["run"], *where).out
    assert "Learning rate" in table
    assert "Batch size" not in table
    assert "Of 6 test pictures" in table
    assert say("compare", first["run"], *where).code == 2
    assert say("compare", first["run"], "first", *where).code == 2


def test_the_same_config_gives_the_same_run(
    say: Say, trained: tuple[list[str], dict[str, Any]], tmp_path: Path
) -> None:
    where, first = trained
    config = tmp_path / "runs" / first["run"] / "config.json"
    again = say("train", "--config", config, "--json", *where).last_json
    weights = [
        (tmp_path / "runs" / run["run"] / "best.safetensors").read_bytes() for run in (first, again)
    ]
    assert weights[0] == weights[1]


def test_a_run_that_fails_says_why_in_one_line(
    say: Say, small: list[str], shapes: Path, tmp_path: Path
) -> None:
    alone = shutil.copytree(shapes, tmp_path / "shapes") / "alone"
    alone.mkdir()
    shutil.copy(next(shapes.rglob("*.png")), alone)
    words = ["--data", alone.parent, "--method", "l2", "--runs-dir", tmp_path / "runs"]
    said = say("train", *small, *words, "--json")
    assert said.code == 1
    assert said.last_json["status"] == "failed"
    (line,) = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert "alone" in line
    assert said.err.splitlines()[-1] == line
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--data", "gone", "does not exist"),
        ("--weights", "gone.pth", "no weights file"),
        ("--backbone", "resnet19", "Did you mean"),
    ],
)
def test_what_cannot_start_is_one_line_and_no_run(
    option: str, value: str, words: str, say: Say, small: list[str], tmp_path: Path
) -> None:
    where = ["--runs-dir", tmp_path / "runs"]
    typed = value if option == "--backbone" else tmp_path / value
    said = say("train", *small, "--method", "l2", option, typed, *where)
    assert said.code == 1
    (line,) = said.err.splitlines()
    assert words in line
    assert say("runs", "list", "--json", *where).last_json["runs"] == []


@pytest.mark.parametrize("name", ["w.pth", "w.pt", "w.safetensors"])
def test_malicious_weights_are_one_line_and_run_nothing(
    name: str, say: Say, small: list[str], tmp_path: Path
) -> None:
    canary, where = tmp_path / "canary", ["--runs-dir", tmp_path / "runs"]
    files = malicious(canary, {"conv1.0.weight": torch.zeros(24, 3, 3, 3)})
    kind = "os.system.safetensors" if name == "w.safetensors" else "os.system.pth"
    (tmp_path / name).write_bytes(files[kind])
    said = say("train", *small, "--method", "l2", "--weights", tmp_path / name, *where)
    assert said.code == 1
    (line,) = said.err.splitlines()
    assert name in line
    assert not canary.exists()
    assert say("runs", "list", "--json", *where).last_json["runs"] == []


@pytest.mark.parametrize("text", ["[" * 100_000, '{"data": NaN}', '"\\ud800"', "", "[[]]"])
def test_a_config_that_is_none_is_one_line_and_no_run(text: str, say: Say, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    said = say("train", "--config", tmp_path / "config.json", "--runs-dir", tmp_path / "runs")
    assert said.code == 1
    (line,) = said.err.splitlines()
    assert "config.json" in line


def test_an_attention_file_that_does_not_fit_is_one_line_and_no_run(
    say: Say, small: list[str], tmp_path: Path
) -> None:
    where = ["--runs-dir", tmp_path / "runs"]
    file = tmp_path / "authors.json"
    file.write_text("[[0.5, 0.25]]")
    said = say("train", *small, "--method", "delta", "--attention", file, *where)
    assert said.code == 1
    (line,) = said.err.splitlines()
    assert "authors.json has 1 lists" in line
    assert say("runs", "list", "--json", *where).last_json["runs"] == []


def test_check_names_every_file_it_leaves_out(say: Say, shapes: Path, tmp_path: Path) -> None:
    root = tmp_path / "shapes"
    shutil.copytree(shapes, root)
    (root / "red" / "empty.jpg").write_bytes(b"")
    (root / "blue" / "cut.png").write_bytes((root / "blue" / "0.png").read_bytes()[:60])
    said = say("check", root, "--json")
    assert said.code == 0, said.err
    found = said.last_json
    assert found["classes"] == ["blue", "green", "red"]
    assert found["pictures"] == 24
    assert {each["file"] for each in found["left_out"]} == {"red/empty.jpg", "blue/cut.png"}
    assert all(each["reason"] for each in found["left_out"])
    assert sum(sum(by_class.values()) for by_class in found["splits"].values()) == 24
    text = say("check", root)
    assert "red/empty.jpg" in text.out
    assert "blue/cut.png" in text.out


def test_check_of_a_folder_that_cannot_be_used_ends_with_1(say: Say, tmp_path: Path) -> None:
    said = say("check", tmp_path / "nowhere", "--json")
    assert said.code == 1
    assert said.last_json["usable"] is False
    assert said.err.startswith("error: ")
    assert "nowhere" in said.err
    assert say("check", tmp_path, "--val-fraction", "2").code == 2


def test_backbones_can_be_searched(say: Say) -> None:
    found = say("backbones", "mobilenet", "v2", "--json").last_json["backbones"]
    assert [each["name"] for each in found] == ["mobilenet_v2"]
    assert found[0]["parameters"] == 3504872
    assert "resnet18" in say("backbones", "resnet").out
    assert say("backbones", "no-such-network").code == 1

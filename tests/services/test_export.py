"""The export bundle: torchvision alone must read it and say the same as the app."""

from __future__ import annotations

import hashlib
import json
import runpy
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from delta_app.errors import ExportError, RunError
from delta_app.runs.records import RunRecord
from delta_app.services.export import export
from delta_app.services.predict import predict

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "predict_with_torchvision.py"
CLASSES = ["ants", "bees", "wasps"]

TrainedRun = Callable[..., RunRecord]


def said_by_the_script(
    folder: Path,
    picture: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> tuple[str, float]:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(folder), str(picture)])
    capsys.readouterr()
    runpy.run_path(str(SCRIPT), run_name="__main__")
    *path, name, share = capsys.readouterr().out.split()
    assert " ".join(path) == str(picture)
    return name, float(share)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "shufflenet_v2_x0_5",
        "squeezenet1_1",  # its head is a convolution
        "mnasnet0_5",  # refuses a state dict without its version
        "efficientnet_b0",  # bicubic, stochastic depth
        pytest.param("googlenet", marks=pytest.mark.slow),  # auxiliary heads, transform_input
        pytest.param("inception_v3", marks=pytest.mark.slow),
        pytest.param("convnext_tiny", marks=pytest.mark.slow),
        pytest.param("densenet121", marks=pytest.mark.slow),
    ],
)
def test_the_script_of_the_docs_says_the_same(
    name: str,
    run_with_network: TrainedRun,
    noise_pictures: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = run_with_network(name)
    bundle = export(run, tmp_path / "out")
    for picture, prediction in zip(noise_pictures, predict(run, noise_pictures), strict=True):
        said = said_by_the_script(bundle.folder, picture, monkeypatch, capsys)
        predicted, share = prediction.top(1)[0]
        assert said == (predicted, pytest.approx(share, abs=1e-4))


def test_the_description_says_how_it_was_trained(
    run_with_network: TrainedRun, tmp_path: Path
) -> None:
    run = replace(
        run_with_network("shufflenet_v2_x0_5"),
        best_epoch=4, val_top1=0.75, test_top1=0.5, test_balanced=0.4, finished_at=0.0,
    )  # fmt: skip
    bundle = export(run, tmp_path / "new" / "out")
    about = json.loads(bundle.description.read_text())
    assert about["backbone"] == "shufflenet_v2_x0_5"
    assert about["classes"] == CLASSES
    assert about["preprocessing"]["size"] == 64
    assert about["weights"]["sha256"] == hashlib.sha256(bundle.weights.read_bytes()).hexdigest()
    trained = about["trained"]
    assert (trained["run"], trained["method"], trained["epoch"]) == (run.id, "DELTA", 4)
    assert (trained["val_top1"], trained["test_top1"]) == (0.75, 0.5)
    assert trained["test_balanced_accuracy"] == 0.4
    assert trained["finished"] == "1970-01-01T00:00:00+00:00"
    assert trained["config"] == {"optimization": {"seed": 5}}


def test_exporting_again_replaces_the_files(run_with_network: TrainedRun, tmp_path: Path) -> None:
    run = run_with_network("shufflenet_v2_x0_5")
    first = export(run, tmp_path / "out").weights.read_bytes()
    assert export(run, tmp_path / "out").weights.read_bytes() == first
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "model.json",
        "model.safetensors",
    ]


def test_a_place_that_cannot_be_written_to_is_named(
    run_with_network: TrainedRun, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ExportError, match="file"):
        export(run_with_network("shufflenet_v2_x0_5"), tmp_path / "file")


def test_a_run_without_a_network_cannot_be_exported(
    run_with_network: TrainedRun, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match="no trained network"):
        export(run_with_network(trained=False), tmp_path / "out")
    assert not (tmp_path / "out").exists()

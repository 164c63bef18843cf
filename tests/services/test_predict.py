"""Predictions against torchvision's own transforms and network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file
from torchvision.transforms import v2

from delta_app.errors import DatasetError, RunError
from delta_app.runs.records import RunRecord
from delta_app.services.predict import Classifier, predict

CLASSES = ("ants", "bees", "wasps")
SIZE = 64

NewRun = Callable[..., RunRecord]


def expected(run: RunRecord, path: Path) -> torch.Tensor:
    """The same by torchvision alone."""
    network = torchvision.models.get_model(run.backbone, num_classes=len(CLASSES))
    network.load_state_dict(load_file(run.folder / "best.safetensors"))
    size = json.loads((run.folder / "model.json").read_text())["preprocessing"]
    prepare = v2.Compose(
        [
            v2.Resize([SIZE, SIZE], v2.InterpolationMode(size["interpolation"])),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(size["mean"], size["std"]),
        ]
    )
    with torch.no_grad():
        return network.eval()(prepare(Image.open(path).convert("RGB"))[None]).softmax(dim=1)[0]


@pytest.mark.slow
def test_probabilities_are_torchvisions(
    run_with_network: NewRun, noise_pictures: list[Path]
) -> None:
    run = run_with_network()
    found = predict(run, noise_pictures)
    assert [each.picture for each in found] == [str(path) for path in noise_pictures]
    for path, prediction in zip(noise_pictures, found, strict=True):
        assert prediction.classes == CLASSES
        torch.testing.assert_close(
            torch.tensor(prediction.probabilities), expected(run, path), rtol=1e-3, atol=1e-4
        )
        assert sum(prediction.probabilities) == pytest.approx(1, abs=1e-6)


def test_the_likeliest_come_first(run_with_network: NewRun, noise_pictures: list[Path]) -> None:
    prediction = predict(run_with_network(), noise_pictures[:1])[0]
    top = prediction.top(2)
    best = max(range(3), key=lambda i: prediction.probabilities[i])
    assert top[0] == (CLASSES[best], prediction.probabilities[best])
    assert len(top) == 2
    assert top[0][1] >= top[1][1]


def test_a_batch_and_one_by_one_agree(run_with_network: NewRun, noise_pictures: list[Path]) -> None:
    """Eval mode: a picture's answer must not depend on its neighbours, as BatchNorm's would."""
    classifier = Classifier(run_with_network())
    images = [Image.open(path).convert("RGB") for path in noise_pictures]
    together = classifier.probabilities(images)
    alone = torch.cat([classifier.probabilities([image]) for image in images])
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-4)


def test_progress_counts_the_pictures(run_with_network: NewRun, noise_pictures: list[Path]) -> None:
    seen: list[tuple[int, int]] = []
    predict(
        run_with_network(),
        noise_pictures * 12,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(32, 36), (36, 36)]


@pytest.mark.slow
def test_a_file_that_is_no_picture_is_named(run_with_network: NewRun, tmp_path: Path) -> None:
    text = tmp_path / "notes.jpg"
    text.write_text("not a picture")
    with pytest.raises(DatasetError, match=r"notes\.jpg is not a picture"):
        predict(run_with_network(), [text])
    with pytest.raises(DatasetError, match=r"gone\.png is not there"):
        predict(run_with_network(), [tmp_path / "gone.png"])


def test_a_run_without_a_network_says_what_state_it_is_in(run_with_network: NewRun) -> None:
    with pytest.raises(RunError, match=r"no trained network: it is queued"):
        Classifier(run_with_network(trained=False))


def test_files_changed_from_outside_are_told(run_with_network: NewRun) -> None:
    run = run_with_network()
    (run.folder / "model.json").write_text('{"backbone": "resnet18"}')
    with pytest.raises(RunError, match="cannot be read"):
        Classifier(run)

"""Choosing a backbone and weights, as the form and the command line ask for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from delta_app.errors import BackboneError, WeightsError
from delta_app.models import weights as weights_of_models
from delta_app.models.catalog import backbones
from delta_app.models.construction import random_network
from delta_app.services.backbones import check_weights, layers_of, search, words_of

NAME = "squeezenet1_1"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("resnet 50", ["resnet50", "wide_resnet50_2"]),
        ("ResNet-18", ["resnet18"]),
        ("mobilenet v3", ["mobilenet_v3_small", "mobilenet_v3_large"]),
        ("squeeze 1.1", ["squeezenet1_1"]),
        ("vgg 16 batchnorm", ["vgg16_bn"]),
        ("transformer", []),
    ],
)
def test_search_finds_all_words_in_any_spelling(text: str, names: list[str]) -> None:
    assert [b.name for b in search(text)] == names


@pytest.mark.parametrize("text", ["", "  ", "-"])
def test_an_empty_search_finds_all(text: str) -> None:
    assert search(text) == backbones()


def test_words_say_size_picture_and_accuracy() -> None:
    words = words_of(search("resnet18")[0]).replace("\u2009", " ")
    assert words == "11.7 M parameters, 224 px, 69.8 % ImageNet top-1"


def test_layers_for_the_form() -> None:
    choice = layers_of("resnet50")
    assert choice.default[0] == "layer1.2.conv3"
    assert set(choice.default) < set(choice.candidates)
    with pytest.raises(BackboneError):
        layers_of("resnet5")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "w.pth"
    torch.save({"state_dict": random_network(NAME, seed=0).state_dict()}, path)
    return path


def test_a_file_that_fits(file: Path) -> None:
    found = check_weights(NAME, str(file))
    assert found.words == f"52 of 52 tensors loaded from {file}."
    assert found.complete
    assert found.report is not None


def test_the_file_is_read_once_until_it_changes(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []
    real = weights_of_models.check_weights

    def counting(name: str, weights: str) -> object:
        reads.append(weights)
        return real(name, weights)

    monkeypatch.setattr(weights_of_models, "check_weights", counting)
    first = check_weights(NAME, str(file))
    assert check_weights(NAME, str(file)) == first
    assert len(reads) == 1
    state = random_network(NAME, seed=0).state_dict()
    del state["features.0.bias"]
    torch.save(state, file)
    os.utime(file, ns=(1, 1))
    changed = check_weights(NAME, str(file))
    assert len(reads) == 2
    assert not changed.complete
    assert "features.0.bias" in changed.words


def test_what_is_wrong_is_said_each_time_beside_the_field(file: Path) -> None:
    errors = []
    for _ in range(2):
        with pytest.raises(WeightsError, match="does not fit") as caught:
            check_weights("resnet18", str(file))
        errors.append(caught.value)
    assert errors[0] is not errors[1]
    assert str(errors[0]) == str(errors[1])
    assert errors[0].field == "weights"


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("", "no weights file is given"),
        ("   ", "no weights file is given"),
        ("/nowhere/w.pth", "there is no weights file"),
        ("a\0b", "there is no weights file"),
        ("x" * 5000, "there is no weights file"),
        ("~nobody-of-that-name/w.pth", "there is no weights file"),
    ],
)
def test_paths_that_lead_nowhere(weights: str, words: str) -> None:
    with pytest.raises(WeightsError, match=words) as caught:
        check_weights(NAME, weights)
    assert caught.value.field == "weights"


def test_an_unknown_backbone_comes_first() -> None:
    with pytest.raises(BackboneError) as caught:
        check_weights("resnet5", "/nowhere/w.pth")
    assert caught.value.field == "backbone"


def test_torchvisions_weights_here_or_to_be_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    away = check_weights("resnet18", "default")
    assert away.download_bytes == pytest.approx(46_830_571, rel=1e-4)
    assert "(46.8 MB) will be downloaded" in away.words
    assert f"put resnet18-f37072fd.pth into {folder}" in away.words
    folder.mkdir(parents=True)
    (folder / "resnet18-f37072fd.pth").write_bytes(b"")
    here = check_weights("resnet18", "default")
    assert here.download_bytes == 0
    assert "on this machine" in here.words


def test_random_weights_are_called_so() -> None:
    found = check_weights(NAME, "random")
    assert found.words.startswith("Random weights")
    assert (found.report, found.download_bytes, found.complete) == (None, 0, True)

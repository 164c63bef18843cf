"""Weights files made to do harm: each is refused with words, and nothing in them runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmarks.damage.weights import greedy, malicious, payloads, saved, sound
from delta_app.errors import WeightsError
from delta_app.models.build import build_source
from delta_app.models.weights import check_weights
from delta_app.models.weights_file import load_state

STATE = {"conv.weight": torch.arange(400.0).reshape(20, 20), "conv.bias": torch.zeros(7)}
NOWHERE = Path("canary")
DOORS: tuple[Callable[[Path], object], ...] = (
    load_state,
    lambda path: check_weights("shufflenet_v2_x0_5", str(path)),
    lambda path: build_source("shufflenet_v2_x0_5", str(path)),
)

# What is said of them is for a person: torch's own warning of an odd pickle is not.
pytestmark = pytest.mark.filterwarnings("ignore:Detected pickle protocol")


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mine") / "canary"
    path.with_suffix(".py").write_text(f"open({str(path)!r}, 'w').close()")
    return path


@pytest.fixture(scope="module")
def harmful(canary: Path) -> dict[str, bytes]:
    return malicious(canary, STATE)


@pytest.fixture(scope="module")
def lying() -> dict[str, bytes]:
    return greedy(STATE)


def refused(path: Path) -> WeightsError:
    """By every door, in words that name the file and what to do."""
    for door in DOORS:
        with pytest.raises(WeightsError) as caught:
            door(path)
        assert str(path) in caught.value.message
        assert caught.value.cure
        assert caught.value.field == "weights"
    return caught.value


@pytest.mark.parametrize("name", malicious(NOWHERE, STATE))
def test_nothing_in_a_malicious_file_runs(
    name: str, harmful: dict[str, bytes], canary: Path, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(harmful[name])
    refused(path)
    assert not canary.exists()


@pytest.mark.parametrize("name", payloads(NOWHERE))
def test_the_payloads_do_run_where_they_are_let(name: str, tmp_path: Path) -> None:
    """Else the test above would show nothing."""
    canary = tmp_path / "canary"
    canary.with_suffix(".py").write_text(f"open({str(canary)!r}, 'w').close()")
    path = tmp_path / "w.pth"
    path.write_bytes(saved(payloads(canary)[name]))
    found = torch.load(path, weights_only=False)
    if hasattr(found, "close"):
        found.close()
    assert canary.exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("storage too long.pth", "does not match|cannot be read as a torch"),
        ("legacy too long.pth", "wrong byte size|cannot be read as a torch"),
        ("compressed.pth", "is a compressed archive"),
        ("bomb.pth", "is a compressed archive"),
        ("outside.pth", r"a member named '\.\./\.\./\.\./outside\.txt', outside itself"),
        ("absolute.pth", "a member named '/tmp/outside.txt', outside itself"),
        ("bytearray.pth", "holds a bytearray"),
        ("legacy bytearray.pth", "holds a bytearray"),
        ("head too long.safetensors", "header too large"),
        ("shape too large.safetensors", "cannot be read as safetensors"),
        ("beyond the end.safetensors", "cannot be read as safetensors"),
        ("overlapping.safetensors", "cannot be read as safetensors"),
        ("deep.safetensors", "cannot be read as safetensors"),
        ("pickle.safetensors", "header too large"),
        ("named wrongly.pth", "is a safetensors file by another name"),
    ],
)
def test_a_file_that_lies_about_its_size_is_refused(
    name: str, said: str, lying: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(lying[name])
    assert re.search(said, refused(path).message)


def test_every_file_that_lies_is_tried(lying: dict[str, bytes]) -> None:
    marks = test_a_file_that_lies_about_its_size_is_refused.pytestmark
    tried = {name for mark in marks for name, _ in mark.args[1]}
    assert tried == set(lying)


@pytest.mark.parametrize("name", sound(STATE))
def test_sound_files_of_every_form_are_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(sound(STATE)[name])
    assert set(load_state(path)) == set(STATE)


def test_torchscript_and_tar_are_called_by_their_name(
    harmful: dict[str, bytes], tmp_path: Path
) -> None:
    for name, said in (("torchscript.pt", "TorchScript archive"), ("tar.pth", "oldest format")):
        path = tmp_path / name
        path.write_bytes(harmful[f"exec {name}"])
        error = refused(path)
        assert said in error.message
        assert "weights_only=False" not in str(error)


def test_an_archive_whose_members_lie_over_one_another_is_refused(tmp_path: Path) -> None:
    """Stored, so that nothing is compressed, and yet a thousand times the file."""
    path = tmp_path / "w.pth"
    path.write_bytes(saved({f"t{n}": torch.zeros(1000) for n in range(50)}))
    data = bytearray(path.read_bytes())
    at = 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:  # each entry of the directory
        data[at + 20 : at + 28] = (150_000).to_bytes(4, "little") * 2
        at += 4
    path.write_bytes(data)
    assert "claims to hold" in refused(path).message


@pytest.mark.parametrize(
    "odd",
    [
        lambda: torch.zeros(3, device="meta"),
        lambda: torch.eye(3).to_sparse(),
        lambda: torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.qint8),
    ],
    ids=["meta", "sparse", "quantized"],
)
@pytest.mark.filterwarnings("ignore")  # torch calls some of these kinds deprecated
def test_tensors_without_plain_numbers_are_no_weights(
    odd: Callable[[], torch.Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "w.pth"
    torch.save({"conv.weight": odd(), "conv.bias": torch.zeros(2)}, path)
    assert list(load_state(path)) == ["conv.bias"]

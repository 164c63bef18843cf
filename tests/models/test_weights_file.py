"""Reading weights files: every way scripts save them, and nothing that runs code."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from delta_app.errors import WeightsError
from delta_app.models.weights_file import load_state

STATE = {"conv.weight": torch.arange(4.0).reshape(2, 2), "conv.bias": torch.tensor([1.0, 2.0])}


def same(found: dict[str, torch.Tensor]) -> bool:
    return list(found) == list(STATE) and all(torch.equal(found[n], STATE[n]) for n in STATE)


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"state_dict": STATE},
        {"model": STATE},
        {"model_state_dict": STATE, "epoch": 3, "optimizer": {"state": {}}},
        {"net": STATE, "acc": 91.2},
        # torch's own ImageNet script keeps its best accuracy as a tensor beside the state dict
        {"state_dict": STATE, "best_acc1": torch.tensor(76.1), "epoch": 90},
        {"checkpoint": {"model": STATE}},
        {"anything": STATE, "epoch": 1},
        {"state_dict": {f"module.{n}": t for n, t in STATE.items()}},
        {n: nn.Parameter(t) for n, t in STATE.items()},
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".pt"])
def test_the_state_dict_is_found(content: dict[str, Any], suffix: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / f"w{suffix}")
    found = load_state(tmp_path / f"w{suffix}")
    assert same(found)
    assert not any(t.requires_grad for t in found.values())


def test_safetensors(tmp_path: Path) -> None:
    save_file({f"module.{n}": t for n, t in STATE.items()}, tmp_path / "w.safetensors")
    found = load_state(tmp_path / "w.safetensors")
    assert same({n: found[n] for n in STATE})  # the format sorts names


def test_the_old_format_before_zip(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "w.pth", _use_new_zipfile_serialization=False)
    assert same(load_state(tmp_path / "w.pth"))


def message_of(path: Path) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        load_state(path)
    assert caught.value.field == "weights"
    assert str(path) in caught.value.message
    assert caught.value.cure
    return caught.value


def test_no_such_file(tmp_path: Path) -> None:
    assert "there is no weights file" in message_of(tmp_path / "none.pth").message


def test_a_folder(tmp_path: Path) -> None:
    assert "is a folder" in message_of(tmp_path).message


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 cut short", b"\x80\x02}q\x00"])
def test_files_that_are_no_weights(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    assert "\n" not in str(message_of(path))


def test_a_file_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save({"a": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:-900])
    assert "cannot be read" in message_of(path).message


def test_what_often_stands_where_weights_should(tmp_path: Path) -> None:
    pointer = tmp_path / "lfs.pth"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    assert "git lfs pull" in message_of(pointer).cure
    page = tmp_path / "page.pth"
    page.write_text("<!DOCTYPE html><html>sign in</html>")
    assert "web page" in message_of(page).message


@pytest.mark.parametrize(
    "content",
    [{"epoch": 3, "best": 0.5}, {"a": STATE, "b": STATE}, [1, 2], {"state_dict": {}}, {}],
)
def test_no_tensors_by_name(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "w.pth")
    error = message_of(tmp_path / "w.pth")
    assert "holds no tensors by name; found" in error.message
    assert "state_dict()" in error.cure


class Payload:
    """Would create a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (self.path, "w")


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    torch.save({"state_dict": STATE, "extra": Payload(tmp_path / "ran")}, tmp_path / "w.pth")
    message_of(tmp_path / "w.pth")
    assert not (tmp_path / "ran").exists()


def saved_with_arguments(path: Path) -> None:
    torch.save({"state_dict": STATE, "args": argparse.Namespace(lr=0.1)}, path)


def saved_whole(path: Path) -> None:
    network = nn.Sequential()
    network.conv = nn.Linear(2, 2)
    network.load_state_dict(STATE)
    torch.save(network, path)


@pytest.mark.parametrize("save", [saved_with_arguments, saved_whole])
def test_the_recipe_for_a_refused_pickle_works(
    save: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "it's mine.pth"
    save(path)
    error = message_of(path)
    assert "could run code" in error.message
    assert re.search(r"\((argparse\.Namespace|torch\.nn\.modules\.\S+)\)", error.message)
    command = shlex.split(error.cure.partition("use the new file: ")[2])
    assert command[:2] == ["python", "-c"]
    monkeypatch.setattr("sys.argv", command[2:])
    exec(command[2], {})
    assert same(load_state(tmp_path / "it's mine-tensors.pth"))

"""A run's weights: written and read again, and what a stranger put in their place refused."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import nn

from delta_app.errors import RunError
from delta_app.training.weights_files import cpu_state, fill, load_saved, save_state


def test_filled_with_what_was_saved(tmp_path: Path) -> None:
    one, other = nn.Linear(3, 2), nn.Linear(3, 2)
    save_state(tmp_path / "w.safetensors", cpu_state(one))
    fill(other, tmp_path / "w.safetensors")
    assert torch.equal(one.weight, other.weight)
    assert set(load_saved(tmp_path / "w.safetensors")) == {"weight", "bias"}


class Writes:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (self.path, "w")


@pytest.mark.parametrize(
    "content",
    [
        lambda canary: pickle.dumps({"weight": Writes(canary)}),
        lambda canary: b"",
        lambda canary: save({"weight": torch.zeros(2, 3)})[:-5],
        lambda canary: save({"weight": torch.zeros(2, 3)}),  # no bias
        lambda canary: save({"weight": torch.zeros(2, 4), "bias": torch.zeros(2)}),
        None,
    ],
    ids=["pickle", "empty", "cut", "incomplete", "other shape", "not there"],
)
def test_a_file_that_is_not_its_weights_is_refused(
    content: Callable[[Path], bytes] | None, tmp_path: Path
) -> None:
    path, canary = tmp_path / "best.safetensors", tmp_path / "canary"
    if content is not None:
        path.write_bytes(content(canary))
    network = nn.Linear(3, 2)
    with pytest.raises(RunError) as caught:
        fill(network, path)
    assert f"The weights in {path} cannot be read" in caught.value.message
    assert caught.value.cure
    assert "\n" not in str(caught.value)
    assert not canary.exists()

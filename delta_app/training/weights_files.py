"""Weights of a run on disk, as safetensors: written whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor, nn

from delta_app.atomic_files import write_whole


def cpu_state(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the state dict on the CPU, in plain layout (safetensors refuses any other)."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous()
        for name, tensor in model.state_dict().items()
    }


def save_state(path: Path, state: Mapping[str, Tensor]) -> None:
    """Write a state dict as made by `cpu_state`.

    Raises:
        OSError: the disk cannot take it.
    """
    try:
        write_whole(path, lambda temporary: save_file(dict(state), temporary))
    except SafetensorError as error:
        raise OSError(str(error).removeprefix("Error while serializing: ")) from error


def load_saved(path: Path, device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """Read a state dict, into memory: a mapped file that somebody cuts ends the process."""
    state: dict[str, Tensor] = load(path.read_bytes())
    return {name: tensor.to(device) for name, tensor in state.items()}

"""Weights of a run on disk, as safetensors: written whole or not at all, read without trust."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor, nn

from delta_app.atomic_files import write_whole
from delta_app.errors import RunError


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
    """Read a state dict, into memory: a mapped file that somebody cuts ends the process.

    Raises:
        RunError: the file cannot be read, or is no safetensors file.
    """
    try:
        state: dict[str, Tensor] = load(path.read_bytes())
        return {name: tensor.to(device) for name, tensor in state.items()}
    except (OSError, SafetensorError, RuntimeError, ValueError, TypeError, LookupError) as error:
        raise unreadable_weights(path, error) from error


def fill(network: nn.Module, path: Path) -> None:
    """Load a run's weights into the network, or the head, that they were saved of.

    Raises:
        RunError: the file cannot be read, is no safetensors file, or does not fit.
    """
    state = load_saved(path)
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError) as error:  # its words are a list of every tensor
        raise unreadable_weights(path, "they are not those of this network") from error


def unreadable_weights(path: Path, why: object) -> RunError:
    """The error for a run's weights file that is damaged, or was put there by somebody else."""
    said = " ".join(str(why).split()).rstrip(".")
    return RunError(
        f"The weights in {path} cannot be read: {said}.",
        cure="Look again after the run's next epoch, or train it again.",
    )

"""Where a run goes on: all that its next step hangs on, in one file.

The file holds tensors and plain types alone and is read with `weights_only=True`: it runs nothing.
It is written to a temporary name, synced and renamed, so that the one before stays until then.
What is a function of the settings, the seed and the step alone (order, crops, learning rate, the
source network) is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from delta_app.atomic_files import write_whole
from delta_app.errors import CheckpointError
from delta_app.models.weights_archive import unsound

CHECKPOINT_FILE = "last.ckpt"
FORMAT = 1

_ANEW = "Run again from the beginning with the same settings."


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run between two steps.

    Attributes:
        settings: what must be the same when it goes on, as `determining` gives it.
        step, epoch, batch: steps done; whole epochs done; steps done of the epoch after them.
        told: numbers that the observer had been told by then, as `Observer.settle` counts.
        right, seen: of the epoch that is not over: training pictures right, and all of them.
        threads: CPU threads it computed with.
        micro_batch: pictures that go through the network at once; None for the whole batch.
        model: the target's state dict.
        optimizer: its state dict.
        scaler: of fp16's gradient scaler; empty elsewhere.
        generator: state of the generator of dropout and stochastic depth, and its device's type.
        kept: of the best epoch so far, as `KeptWeights.state` gives it.
    """

    settings: str
    step: int
    epoch: int
    batch: int
    told: int
    right: int
    seen: int
    threads: int
    micro_batch: int | None
    model: Mapping[str, Tensor]
    optimizer: Mapping[str, Any]
    scaler: Mapping[str, Any]
    generator: tuple[str, Tensor]
    kept: Mapping[str, Any]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all.

    Raises:
        OSError: the disk cannot take it.
    """
    values = {field.name: getattr(checkpoint, field.name) for field in fields(Checkpoint)}
    write_tensors(path, {"format": FORMAT, **values})


def load_checkpoint(path: Path) -> Checkpoint | None:
    """Read a checkpoint; None where there is none.

    Raises:
        CheckpointError: the file is damaged, or of another version.
    """
    if not path.exists():
        return None
    values = read_tensors(path)
    found = values.pop("format", None)
    if isinstance(found, int) and found != FORMAT:
        raise CheckpointError(
            f"The checkpoint {path} is of format {found}; this Delta App reads {FORMAT}.",
            cure="Resume it with the version that wrote it, or run again from the beginning.",
        )
    try:
        checkpoint = Checkpoint(**values)
        _check_types(checkpoint)
    except TypeError as error:
        raise _damaged(path, error) from error
    return checkpoint


def write_tensors(path: Path, values: Mapping[str, Any]) -> None:
    """Write tensors and plain types by name, whole or not at all.

    Raises:
        OSError: the disk cannot take them.
    """
    write_whole(path, lambda temporary: _save(dict(values), temporary))


def read_tensors(path: Path) -> dict[str, Any]:
    """What `write_tensors` wrote, on the CPU.

    Raises:
        CheckpointError: the file is damaged.
    """
    try:
        if why := unsound(path):
            raise ValueError(f"it {why}")
        values = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file makes torch's reader raise nearly anything
        raise _damaged(path, error) from error
    if not isinstance(values, dict):
        raise _damaged(path, TypeError("it holds no names"))
    return values


def _save(values: dict[str, Any], path: Path) -> None:
    try:
        torch.save(values, path)
    except RuntimeError as error:  # torch's writer says so where the disk is full
        raise OSError(f"cannot be written: {_first_line(error)}") from error


def _damaged(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(f"The checkpoint {path} is damaged: {_first_line(error)}.", cure=_ANEW)


def _check_types(checkpoint: Checkpoint) -> None:
    whole = (checkpoint.step, checkpoint.epoch, checkpoint.batch, checkpoint.told)
    mappings = (checkpoint.model, checkpoint.optimizer, checkpoint.scaler, checkpoint.kept)
    if not all(isinstance(n, int) and n >= 0 for n in whole):
        raise TypeError("its place in the run is not a number")
    if not all(isinstance(each, Mapping) for each in mappings):
        raise TypeError("its states are not of the known form")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")

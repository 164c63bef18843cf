"""Where a run goes on: all that its next step hangs on, in one file.

The file holds tensors and plain types alone and is read with `weights_only=True`: it runs nothing.
It is written to a temporary name, synced and renamed, so that the one before stays until then.
What is a function of the settings, the seed and the step alone (order, crops, learning rate, the
source network) is not in it.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from delta_app.atomic_files import write_whole
from delta_app.errors import CheckpointError

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
    write_whole(path, lambda temporary: _save({"format": FORMAT, **values}, temporary))


def load_checkpoint(path: Path) -> Checkpoint | None:
    """Read a checkpoint; None where there is none.

    Raises:
        CheckpointError: the file is damaged, or of another version.
    """
    if not path.exists():
        return None
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
        found = values.pop("format")
        checkpoint = Checkpoint(**values)
        _check_types(checkpoint)
    except (
        OSError,
        RuntimeError,
        EOFError,
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
    ) as error:
        raise CheckpointError(
            f"The checkpoint {path} is damaged: {_first_line(error)}.", cure=_ANEW
        ) from error
    if found != FORMAT:
        raise CheckpointError(
            f"The checkpoint {path} is of format {found}; this Delta App reads {FORMAT}.",
            cure="Resume it with the version that wrote it, or run again from the beginning.",
        )
    return checkpoint


def _save(values: dict[str, Any], path: Path) -> None:
    try:
        torch.save(values, path)
    except RuntimeError as error:  # torch's writer says so where the disk is full
        raise OSError(f"cannot be written: {_first_line(error)}") from error


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

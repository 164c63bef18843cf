"""A finished run's network as its folder keeps it, for predicting and for export."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from delta_app.errors import RunError
from delta_app.models.build import build_network
from delta_app.models.preprocessing import Preprocessing
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import RunRecord
from delta_app.training.weights_files import load_saved


@dataclass(frozen=True)
class TrainedModel:
    """What a run left: how to build its network, and what the network takes and answers.

    Attributes:
        config: the settings it was trained with, as config.json has them.
    """

    folder: RunFolder
    backbone: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    config: dict[str, Any]

    def state(self) -> dict[str, Tensor]:
        """The weights of the chosen epoch, on the CPU."""
        return load_saved(self.folder.best)

    def network(self) -> nn.Module:
        """The network with these weights, in eval mode, on the CPU."""
        network = build_network(self.backbone, len(self.classes))
        network.load_state_dict(self.state())
        return network.eval()


def trained_model(run: RunRecord) -> TrainedModel:
    """The network of a run that has one.

    Raises:
        RunError: the run has no trained network, or its files cannot be read.
    """
    folder = RunFolder(Path(run.folder))
    if not (folder.model.is_file() and folder.best.is_file()):
        ended = "ended" if run.status.ended else "has not ended"
        raise RunError(
            f"{run.name} ({run.id}) has no trained network: it is {run.status} and {ended} "
            "before one was kept.",
            cure="Choose a run that completed or was stopped.",
        )
    try:
        about = json.loads(folder.model.read_text(encoding="utf-8"))
        return TrainedModel(
            folder=folder,
            backbone=about["backbone"],
            classes=tuple(about["classes"]),
            preprocessing=Preprocessing.from_json(about["preprocessing"]),
            config=json.loads(folder.config.read_text(encoding="utf-8")),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{folder.path} cannot be read: {type(error).__name__}: {error}.",
            cure=f"Train the run again: python -m delta_app train --config {folder.config}",
        ) from error

"""A finished run's network as its folder keeps it, for predicting and for export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from delta_app.errors import RunError
from delta_app.json_files import read_json
from delta_app.models.build import build_network
from delta_app.models.preprocessing import Preprocessing
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import RunRecord
from delta_app.training.network_file import read_network
from delta_app.training.weights_files import fill


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

    def network(self) -> nn.Module:
        """The network with the weights of the chosen epoch, in eval mode, on the CPU.

        Raises:
            BackboneError: no network is called so.
            RunError: the weights cannot be read, or are another network's.
        """
        network = build_network(self.backbone, len(self.classes))
        fill(network, self.folder.best)
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
        about = read_network(folder.model)
        return TrainedModel(
            folder=folder,
            backbone=about.backbone,
            classes=about.classes,
            preprocessing=about.preprocessing,
            config=read_json(folder.config),
        )
    except (OSError, ValueError) as error:
        raise RunError(
            f"{folder.path} cannot be read: {type(error).__name__}: {error}.",
            cure=f"Train the run again: python -m delta_app train --config {folder.config}",
        ) from error

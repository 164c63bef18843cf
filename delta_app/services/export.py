"""A trained network as a bundle that works without Delta App: weights, and what they mean.

The bundle is a folder with `model.safetensors`, the state dict of torchvision's own network,
and `model.json`: classes, preprocessing, backbone and how it was trained.
`docs/predict_with_torchvision.py` reads it with torchvision alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn

import delta_app
from delta_app.atomic_files import write_json
from delta_app.errors import ExportError
from delta_app.runs.json_values import plain_json
from delta_app.runs.records import RunRecord
from delta_app.services.trained_model import TrainedModel, trained_model
from delta_app.training.weights_files import save_state

FORMAT = 1
WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"


@dataclass(frozen=True)
class Bundle:
    """The files of an export."""

    folder: Path
    weights: Path
    description: Path


def export(run: RunRecord, folder: str | Path) -> Bundle:
    """Write a run's bundle into `folder`, which is made where it is not there.

    Raises:
        RunError: the run has no trained network.
        ExportError: the folder cannot be written to.
    """
    model = trained_model(run)
    network = model.network()
    bundle = Bundle(Path(folder), Path(folder) / WEIGHTS, Path(folder) / DESCRIPTION)
    try:
        bundle.folder.mkdir(parents=True, exist_ok=True)
        save_state(bundle.weights, network.state_dict())
        digest = hashlib.sha256(bundle.weights.read_bytes()).hexdigest()
        write_json(bundle.description, _description(run, model, network, digest))
    except OSError as error:
        raise ExportError(
            f"{bundle.folder} cannot be written to: {error.strerror or error}.",
            cure="Choose another folder with --out, or make room on the disk.",
        ) from error
    return bundle


def _description(
    run: RunRecord, model: TrainedModel, network: nn.Module, digest: str
) -> dict[str, Any]:
    size = model.preprocessing
    return {
        "format": FORMAT,
        "backbone": model.backbone,
        "arguments": torchvision_arguments(network),
        "classes": list(model.classes),
        "preprocessing": {
            "size": size.size,
            "interpolation": size.interpolation,
            "mean": list(size.mean),
            "std": list(size.std),
        },
        "weights": {"file": WEIGHTS, "sha256": digest},
        "trained": {
            "run": run.id,
            "name": run.name,
            "method": run.method_label,
            "status": str(run.status),
            "finished": _utc(run.finished_at),
            "epoch": run.best_epoch,
            "val_top1": run.val_top1,
            "test_top1": run.test_top1,
            "test_balanced_accuracy": run.test_balanced,
            "config": plain_json(model.config),
            "versions": {
                "delta_app": delta_app.__version__,
                "torch": torch.__version__,
                "torchvision": torchvision.__version__,
            },
        },
    }


def torchvision_arguments(network: nn.Module) -> dict[str, bool]:
    """What `torchvision.models.get_model` must be told besides the number of classes.

    Only GoogLeNet and Inception take more: whether they have auxiliary heads, and whether
    they turn their input from ImageNet's mean and standard deviation to their own.
    """
    arguments: dict[str, bool] = {}
    for name in ("aux_logits", "transform_input"):
        if hasattr(network, name):
            arguments[name] = bool(getattr(network, name))
    if arguments:
        arguments["init_weights"] = False  # else they draw weights for a minute, to no end
    return arguments


def _utc(time: float | None) -> str | None:
    return None if time is None else datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")

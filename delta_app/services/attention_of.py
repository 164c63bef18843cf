"""The settings with which a finished run's fine-tuned network is measured."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from delta_app.errors import RunError
from delta_app.regularizers import method
from delta_app.runs.records import TRAINING, RunRecord
from delta_app.services.trained_model import trained_model
from delta_app.training.run_config import RunConfig, settings_error


def attention_of_config(run: RunRecord) -> RunConfig:
    """Settings of a run that measures this run's network, with its own head, on its own pictures.

    Data, model, device and attention settings are the run's; the layers are those it used.

    Raises:
        RunError: it is no training run, has not ended, or has no trained network.
        SettingsError: its settings are of another version.
    """
    if run.kind != TRAINING or not run.status.ended:
        what = "trains nothing" if run.kind != TRAINING else f"is {run.status}"
        raise RunError(
            f"{run.name} ({run.id}) {what}, so there is no fine-tuned network to measure.",
            cure="Choose a training run that completed or was stopped.",
        )
    folder = trained_model(run).folder.path
    try:
        config = RunConfig.model_validate(run.config)
    except ValidationError as error:
        raise settings_error(error) from error
    layers = run.facts.get("behaviour_layers") or config.model.behaviour_layers
    model = config.model.model_copy(update={"behaviour_layers": layers and tuple(layers)})
    attention = config.attention.model_copy(update={"attention_of": str(folder)})
    learned = method("delta").Settings.model_validate({"attention": "learned"})
    return config.model_copy(update={"model": model, "method": learned, "attention": attention})


def measures(run: RunRecord, trained: RunRecord) -> bool:
    """Whether a run measures the fine-tuned network of that training run."""
    settings = run.config.get("run", {}).get("attention", {})
    return Path(settings.get("attention_of") or "").name == trained.id

"""A measurement's settings once more: for another one, or for what it has not measured yet."""

from __future__ import annotations

from pathlib import Path

from delta_app.errors import RunError
from delta_app.runs.records import RunRecord
from delta_app.services import runs
from delta_app.services.forms import config_of_run
from delta_app.training.run_config import RunConfig


def settings_of(run: RunRecord) -> RunConfig:
    """The settings that a run measured its attention with.

    Raises:
        RunError: they are of another version.
    """
    config = config_of_run(run)
    if config is None:
        raise RunError(
            f"The settings of {run.name} are of another version.",
            cure="Set up a new measurement.",
        )
    return config


def with_faithfulness(run: RunRecord, runs_dir: str | Path | None = None) -> str:
    """Queue the same measurement with its faithfulness; returns the new run's id.

    The importances are there already and are reused.

    Raises:
        RunError: the run's settings are of another version.
        SettingsError, StoreError: as `delta_app.services.runs.submit_attention`.
    """
    config = settings_of(run)
    attention = config.attention.model_copy(update={"faithfulness": True})
    again = config.model_copy(update={"attention": attention})
    return runs.submit_attention(again, runs_dir=runs_dir)

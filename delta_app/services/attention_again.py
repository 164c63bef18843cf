"""A measurement's settings once more: for another one, or for what it has not measured yet."""

from __future__ import annotations

from pathlib import Path

from delta_app.errors import RunError
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import RunRecord
from delta_app.services import allowed, runs
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


def settings_for_a_form(run: RunRecord) -> RunConfig:
    """The settings that a run measured its attention with, for a form to be filled in with.

    Raises:
        RunError: they are of another version, or no form can say them.
    """
    if not has_a_form(run):
        raise RunError(
            f"{run.name} measured the fine-tuned network of a run. This form sets up a pretrained "
            "one.",
            cure="Open that measurement's run and choose Measure again.",
        )
    return settings_of(run)


def has_a_form(run: RunRecord) -> bool:
    """Whether a form can set the measurement up: not where it measures a run's own network."""
    settings = run.config.get("run", {}).get("attention", {})
    return settings.get("attention_of") is None


def again(run: RunRecord, runs_dir: str | Path | None = None) -> str:
    """Queue the same measurement once more; returns the new run's id.

    Raises:
        OutsideError: they name what the app may not read.
        RunError: the run's settings are of another version, or the measured network is gone.
        SettingsError, StoreError: as `delta_app.services.runs.submit_attention`.
    """
    config = settings_of(run)
    allowed.check_config(config, runs_dir)
    of = config.attention.attention_of
    if of is not None and not RunFolder(Path(of)).best.is_file():
        raise RunError(
            f"{run.name} measured the network of {config.attention.measured_run}, which is not in "
            f"{of} any more.",
            cure="Measure the network of another run, on its page.",
        )
    return runs.submit_attention(config, runs_dir=runs_dir)


def with_faithfulness(run: RunRecord, runs_dir: str | Path | None = None) -> str:
    """Queue the same measurement with its faithfulness; returns the new run's id.

    The importances are there already and are reused.

    Raises:
        RunError: the run's settings are of another version.
        SettingsError, StoreError: as `delta_app.services.runs.submit_attention`.
    """
    config = settings_of(run)
    attention = config.attention.model_copy(update={"faithfulness": True})
    asked = config.model_copy(update={"attention": attention})
    return runs.submit_attention(asked, runs_dir=runs_dir)

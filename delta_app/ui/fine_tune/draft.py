"""The run that the form describes, with everything about it that can be known before Start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from delta_app.config import DataSettings
from delta_app.data.records import SPLIT_WORDS, Splits
from delta_app.errors import DeltaAppError, SettingsError
from delta_app.runs.records import TRAINING, RunRecord
from delta_app.services import allowed, datasets, runs
from delta_app.services.estimate import Estimate, estimate, estimate_attention
from delta_app.services.forms import settings_of, validate
from delta_app.services.given_attention import check_given_attention
from delta_app.training.faithfulness_of_run import held_back_split
from delta_app.training.run_config import RunConfig, setting_groups
from delta_app.ui.fine_tune import download
from delta_app.ui.fine_tune.pictures import PicturesState, pictures_state
from delta_app.ui.fine_tune.values import flat_values
from delta_app.ui.fine_tune.weights import WeightsState, weights_state
from delta_app.ui.messages import field_errors
from delta_app.ui.session import FormState

PAST_RUNS = 30
"""Earlier runs that are asked for the machine's speed."""

STEPS = {1: ("data",), 2: ("model",), 3: ("method", "optimization", "attention")}
"""The groups of settings that each step holds."""


@dataclass(frozen=True)
class Draft:
    """What the form says and what is known of it.

    Attributes:
        values: setting name -> value; those of groups that do not count included.
        config: None where a value does not fit.
        errors: by setting.
        splits: None where the folder or its settings give none.
        estimate: None where something for it is missing.
    """

    values: dict[str, Any]
    config: RunConfig | None
    errors: dict[str, DeltaAppError]
    pictures: PicturesState
    weights: WeightsState
    splits: Splits | None
    estimate: Estimate | None

    def errors_of(self, step: int) -> dict[str, DeltaAppError]:
        """The errors of one step's settings."""
        groups = _group_of(self.values["method"])
        return {
            name: error
            for name, error in self.errors.items()
            if groups.get(name, "method") in STEPS[step]
        }

    def is_wrong(self, step: int) -> bool:
        """Whether something in a step must be corrected, beside what is not chosen yet."""
        refused = step == 1 and self.pictures.check is not None and not self.pictures.usable
        return refused or bool(self.errors_of(step))

    def missing(self) -> str:
        """What keeps the run from being started, as a short request; empty where nothing does."""
        if not self.values["data"]:
            return "Choose a folder of pictures"
        if self.pictures.task is not None:
            return (
                "Check the pictures first" if self.pictures.task.cancelled else "Checking pictures"
            )
        if not self.pictures.usable:
            return "Choose another folder"
        if not self.values["backbone"]:
            return "Choose a backbone"
        if self.weights.task is not None:
            return "Check the weights first" if self.weights.task.cancelled else "Checking weights"
        for step in STEPS:
            wrong = self.errors_of(step)
            if wrong:
                infos = settings_of(self.values["method"], measuring=True)
                labels = [infos[name].label.lower() for name in wrong if name in infos]
                return f"Correct step {step}: {labels[0] if labels else 'settings'}"
        return "" if self.config is not None and self.splits is not None else "Complete the form"


def draft_of(state: FormState, *, measuring: bool = False) -> Draft:
    """Look at everything the form says; what takes long goes on in the background.

    Args:
        measuring: whether the form is of a run that measures attention and trains nothing.
    """
    values = flat_values(state, measuring=measuring)
    refused = allowed.refusals(values)
    looked_at = values | dict.fromkeys(refused, "")  # a path that is refused is not looked at
    pictures = pictures_state(looked_at["data"])
    if pictures.check is not None:
        values["data"] = looked_at["data"] = pictures.check.root
    weights = WeightsState()
    if values["backbone"] and "weights" not in refused:
        weights = weights_state(values["backbone"], values["weights"])
    outcome = validate(looked_at)
    config = outcome if isinstance(outcome, RunConfig) and not refused else None
    errors = {} if isinstance(outcome, RunConfig) else field_errors(outcome)
    for absent in ("data", "backbone"):
        if not values[absent]:  # not entered yet is no mistake
            errors.pop(absent, None)
    failed = download.failure(values) if weights.to_download else None
    for field, error in (("weights", weights.error or failed), ("data", pictures.error)):
        if error is not None:
            errors[field] = error
    errors |= refused
    _given_attention(config, errors)
    splits = _splits(pictures, values, errors)
    if measuring:
        _held_back(config, splits, errors)
    expected = _estimate(config, splits, errors, estimate_attention if measuring else estimate)
    return Draft(values, config, errors, pictures, weights, splits, expected)


def _given_attention(config: RunConfig | None, errors: dict[str, DeltaAppError]) -> None:
    if config is None:
        return
    try:
        check_given_attention(config)
    except DeltaAppError as error:
        errors.setdefault(error.field or "attention", error)


def _held_back(
    config: RunConfig | None, splits: Splits | None, errors: dict[str, DeltaAppError]
) -> None:
    """Faithfulness is measured on pictures that do not train, and there may be none."""
    if config is None or splits is None or not config.attention.faithfulness:
        return
    if held_back_split(splits) is None:
        errors["faithfulness"] = SettingsError(
            "Faithfulness is measured on held-back pictures, and with these shares all train.",
            cure="Give a validation or test share above 0, or leave it out.",
            field="faithfulness",
        )


def _splits(
    pictures: PicturesState, values: dict[str, Any], errors: dict[str, DeltaAppError]
) -> Splits | None:
    if pictures.check is None or not pictures.check.usable:
        return None
    wrong = any(name in errors for name in DataSettings.model_fields)
    if wrong:
        return None
    settings = DataSettings(**{name: values[name] for name in DataSettings.model_fields})
    try:
        return datasets.preview(pictures.check, settings)
    except DeltaAppError as error:
        errors[error.field or "data"] = error
        return None


def _estimate(
    config: RunConfig | None,
    splits: Splits | None,
    errors: dict[str, DeltaAppError],
    of: Callable[[RunConfig, dict[str, int], Sequence[RunRecord]], Estimate],
) -> Estimate | None:
    if config is None or splits is None:
        return None
    counts: dict[str, int] = {name: len(splits.of(name)) for name in SPLIT_WORDS}
    try:
        return of(config, counts, runs.list_runs(TRAINING)[:PAST_RUNS])
    except DeltaAppError as error:
        errors.setdefault(error.field or "backbone", error)
        return None


def _group_of(method: str) -> dict[str, str]:
    return {info.name: group for group, infos in setting_groups(method).items() for info in infos}

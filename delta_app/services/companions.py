"""The same data, backbone and training by L2, L2-SP and DELTA: what is there, what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from delta_app.errors import DeltaAppError
from delta_app.runs.records import TRAINING, RunRecord, RunStatus
from delta_app.services import runs
from delta_app.services.forms import config_of_run, validate, variants_of
from delta_app.training.run_config import RunConfig

COMPARED = ("l2", "l2_sp", "delta")
"""The methods that are compared in one click, in the order in which they are queued."""

_DONE = (RunStatus.COMPLETED, RunStatus.STOPPED)
_COUNTING = (*_DONE, RunStatus.RUNNING, RunStatus.QUEUED, RunStatus.PAUSED)


@dataclass(frozen=True)
class Companions:
    """A run's fellows by the compared methods.

    Attributes:
        there: method -> run, the newest that has these settings and did not fail.
        missing: the configs that no such run has, in the order of `COMPARED`.
    """

    there: Mapping[str, RunRecord]
    missing: tuple[RunConfig, ...]

    @property
    def done(self) -> tuple[RunRecord, ...]:
        """The runs, where all of them have a result; else none."""
        records = tuple(self.there.values())
        ready = not self.missing and all(record.status in _DONE for record in records)
        return records if ready else ()


def by_compared_methods(values: Mapping[str, Any]) -> tuple[RunConfig, ...]:
    """The configs of a form's values by each compared method, each with its own settings.

    Raises:
        SettingsError: the first complaint about the values.
    """
    configs = []
    for form in variants_of(values, COMPARED).values():
        outcome = validate(form)
        if not isinstance(outcome, RunConfig):
            raise outcome[0]
        configs.append(outcome)
    return tuple(configs)


def companions(record: RunRecord, records: Sequence[RunRecord]) -> Companions | None:
    """What is there beside a run and what is missing; None where its settings are too old.

    Args:
        records: all runs, newest first.
    """
    config = config_of(record)
    if config is None:
        return None
    try:
        wanted = by_compared_methods(config.flat())
    except DeltaAppError:
        return None
    counting = [each for each in records if each.status in _COUNTING]
    configs = [(each, config_of(each)) for each in counting]
    there: dict[str, RunRecord] = {}
    missing = []
    for each in wanted:
        found = next((run for run, settings in configs if settings == each), None)
        if found is None:
            missing.append(each)
        else:
            there[each.method.method] = found
    return Companions(there, tuple(missing))


def config_of(record: RunRecord) -> RunConfig | None:
    """A training run's settings; None for another kind, or settings of another version."""
    return config_of_run(record) if record.kind == TRAINING else None


def queue(configs: Sequence[RunConfig]) -> tuple[str, ...]:
    """Put runs in the queue, one after the other; their ids.

    Raises:
        SettingsError, StoreError: as `delta_app.services.runs.submit`.
    """
    return tuple(runs.submit(config) for config in configs)

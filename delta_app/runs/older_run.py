"""A run whose folder has no run.json, as older versions left them: told by its other files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from delta_app.errors import DeltaAppError
from delta_app.runs.agreeing import told_events
from delta_app.runs.checked_files import first_complaint, read_checked
from delta_app.runs.description import describe_run, free_name
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import ATTENTION, TRAINING, Event, RunStatus
from delta_app.runs.result_file import read_result
from delta_app.training.run_config import RunConfig

LARGEST_CONFIG = 1_000_000

_LAST_WORDS = {
    "Completed.": RunStatus.COMPLETED,
    "Stopped as asked.": RunStatus.STOPPED,
    "Paused as asked.": RunStatus.PAUSED,
    "Failed.": RunStatus.FAILED,
}


class _Network(BaseModel):
    """What of model.json a run's record shows."""

    model_config = ConfigDict(extra="ignore")

    behaviour_layers: list[str]


class _Any(BaseModel):
    model_config = ConfigDict(extra="allow")


def older_run(folder: RunFolder, taken: set[str]) -> dict[str, Any]:
    """The columns of the run's row, as well as they can be told.

    Args:
        taken: names of other runs.

    Raises:
        ValueError: its settings cannot be read, or another file is damaged; in one line.
        OSError: a file cannot be read.
    """
    kind, config = settings_in(folder)
    described = describe_run(kind, config)
    log = told_events(folder)
    result = read_result(folder.result)
    first = log[0].at if log else _written_at(folder.config)
    last = max([*(event.at for event in log), *map(_written_at, _files(folder))])
    values: dict[str, Any] = {
        "kind": kind,
        "name": free_name(kind, config, taken),
        **described,
        "created_at": first,
        "started_at": first,
        "resumed_at": first,
        "finished_at": last,
        "seconds": max(0.0, last - first),
        "epochs": config.optimization.total_epochs if kind == TRAINING else 0,
        "facts": _facts(folder),
        "status": _status(log),
        **_failure(log),
    }
    if result is not None:
        numbers = result.model_dump(exclude={"ended", "step"})
        values |= {**numbers, "status": RunStatus(result.ended)}
        values["facts"] = values["facts"] | numbers
        if result.ended == "completed":
            values["epoch"] = values["epochs"]
    return values


def has_begun(folder: RunFolder) -> bool:
    """Whether there is a trace of work in it, beside its settings."""
    traces = (folder.log, folder.split, folder.model, folder.result, folder.journal)
    return any(path.exists() for path in (*traces, folder.best, folder.attention))


def settings_in(folder: RunFolder) -> tuple[str, RunConfig]:
    """Kind and settings of a run, from its config.json.

    Raises:
        ValueError: the file is missing, or holds something else.
    """
    found = read_checked(folder.config, _Any, LARGEST_CONFIG)
    if found is None:
        raise ValueError("config.json is missing")
    values = found.model_dump()
    inside = values.get("run")
    try:
        config = TypeAdapter(RunConfig).validate_python(values if inside is None else inside)
    except ValidationError as error:
        raise ValueError(f"config.json does not fit: {first_complaint(error)}") from error
    except DeltaAppError as error:
        raise ValueError(f"config.json does not fit: {error.message}") from error
    # The folder of a measurement is called so; its config.json names a method all the same.
    measures = inside is not None or folder.path.name.startswith(f"{ATTENTION}-")
    return (ATTENTION if measures else TRAINING), config


def _status(log: list[Event]) -> RunStatus:
    said = (_LAST_WORDS.get(event.message) for event in reversed(log))
    return next(said, None) or RunStatus.INTERRUPTED


def _failure(log: list[Event]) -> dict[str, Any]:
    if _status(log) is not RunStatus.FAILED:
        return {}
    errors = [event.message for event in log if event.level == "error"][:-1]
    return {"error_message": errors[-1] if errors else "no reason was kept"}


def _facts(folder: RunFolder) -> dict[str, Any]:
    try:
        network = read_checked(folder.model, _Network, LARGEST_CONFIG)
    except ValueError:
        return {}
    return {} if network is None else {"behaviour_layers": network.behaviour_layers}


def _files(folder: RunFolder) -> list[Path]:
    return [
        path
        for path in (folder.config, folder.result, folder.journal, folder.best)
        if path.exists()
    ]


def _written_at(path: Path) -> float:
    return path.stat().st_mtime

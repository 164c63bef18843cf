"""run.json: the run's row in the store, once more in its own folder.

The store can be made anew from it, and a run whose end the store could not be told is found to
have ended. It is written whole whenever the row changes its state or its name; a disk that cannot
take it is logged and loses nothing else.
"""

from __future__ import annotations

import logging
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from delta_app.atomic_files import write_json
from delta_app.runs.checked_files import read_checked
from delta_app.runs.folder import RunFolder
from delta_app.runs.json_values import plain_json
from delta_app.runs.records import RunRecord, RunStatus

FORMAT = 1
LARGEST_FILE = 4_000_000
"""Bytes of a run.json that is read; one of the app's own has some thousand."""

log = logging.getLogger(__name__)

Count = Annotated[int, Field(ge=0, le=2**53)]
Moment = Annotated[float, Field(ge=0.0, le=1e11, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Words = Annotated[str, Field(max_length=200)]


class KeptFailure(BaseModel):
    """Why the run failed."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    message: Annotated[str, Field(max_length=20_000)]
    cure: Annotated[str, Field(max_length=20_000)] = ""
    log: Annotated[str, Field(max_length=200_000)] = ""


class RunFile(BaseModel):
    """What run.json holds, by the store's names.

    What a later version of the app has added is passed over; what does not fit is refused.

    Attributes:
        config: the settings as they were asked for; of an attention run `{"run": settings}`.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: Literal[1]
    kind: Literal["training", "attention"]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    status: RunStatus
    config: dict[str, Any]
    method: Words
    method_label: Words
    color: Annotated[str, Field(pattern="^#[0-9A-Fa-f]{6}$")]
    dataset: Annotated[str, Field(max_length=1000)]
    backbone: Words
    wanted_device: Words = "auto"
    created_at: Moment
    started_at: Moment | None = None
    resumed_at: Moment | None = None
    finished_at: Moment | None = None
    seconds: Moment | None = None
    device: Words | None = None
    phase: Words = ""
    epoch: Count = 0
    epochs: Count = 0
    step: Count = 0
    steps: Count = 0
    val_top1: Share | None = None
    best_epoch: Count | None = None
    test_top1: Share | None = None
    test_balanced: Share | None = None
    test_evaluations: Count = 0
    pictures_per_second: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] | None = None
    memory_bytes: Count | None = None
    facts: dict[str, Any] = {}
    error: KeptFailure | None = None

    def row(self) -> dict[str, Any]:
        """Columns of the store that these are, all but what the run is and is called."""
        names = set(type(self).model_fields) - _OF_ITS_NATURE
        values = {name: getattr(self, name) for name in names}
        failure = self.error
        return values | {
            "error_message": None if failure is None else failure.message,
            "error_cure": None if failure is None else failure.cure,
            "error_log": None if failure is None else failure.log,
        }


DESCRIBED = ("method", "method_label", "color", "dataset", "backbone", "wanted_device")
"""Columns that follow from the settings."""

_OF_ITS_NATURE = {"format", "kind", "name", "config", "error", *DESCRIBED}

_OF_THE_ROW = tuple(
    field.name
    for field in fields(RunRecord)
    if field.name in RunFile.model_fields and field.name != "error"
)


def keep_run(record: RunRecord) -> bool:
    """Write a run's run.json; False where the disk cannot take it, which is logged.

    The folder is not made where it is gone.
    """
    values: dict[str, Any] = {name: getattr(record, name) for name in _OF_THE_ROW}
    if record.error is not None:
        failure = record.error
        values["error"] = {
            "message": failure.message[:20_000],
            "cure": failure.cure[:20_000],
            "log": failure.log_tail[-200_000:],
        }
    try:
        write_json(RunFolder(record.folder).run, plain_json({"format": FORMAT, **values}))
    except (OSError, ValueError) as error:
        log.warning("run %s: its run.json cannot be written: %s", record.id, error)
        return False
    return True


def read_run_file(path: Path) -> RunFile | None:
    """What a run.json holds; None where there is none.

    Raises:
        ValueError: it cannot be read, or holds something else; in one line.
    """
    return read_checked(path, RunFile, LARGEST_FILE)


def called_as_now(record: RunRecord) -> RunRecord:
    """The record with the name in its run.json, which is the last that the run was given."""
    try:
        found = read_run_file(RunFolder(record.folder).run)
    except ValueError:
        return record
    return record if found is None else replace(record, name=found.name)

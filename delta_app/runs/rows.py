"""From the store's rows to records."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, func, select

from delta_app.runs.records import RunFailure, RunRecord, RunStatus
from delta_app.runs.schema import runs
from delta_app.runs.stored_values import check_values

_others = runs.alias()
_position = (
    select(func.count())
    .where(
        _others.c.status == RunStatus.QUEUED,
        _others.c.queue_position <= runs.c.queue_position,
        runs.c.status == RunStatus.QUEUED,
    )
    .scalar_subquery()
)

# Of a record but not of the table: the folder, the error as one, the place in the line.
_COLUMNS = [
    runs.c[f.name] for f in fields(RunRecord) if f.name not in ("folder", "error", "queue_position")
]


def all_runs() -> Select[Any]:
    """The query whose rows `record_of` understands; conditions and order are added to it."""
    failure = (runs.c.error_message, runs.c.error_cure, runs.c.error_log)
    return select(*_COLUMNS, *failure, _position.label("position"))


def record_of(row: Row[Any], runs_dir: Path) -> RunRecord:
    """A row of `all_runs` as a record.

    Raises:
        ValueError: a value is not of its column's type, which SQLite does not hold it to.
    """
    values = dict(row._mapping)
    position = values.pop("position")
    check_values(values)
    message, cure, log = (values.pop(f"error_{part}") for part in ("message", "cure", "log"))
    values["status"] = RunStatus(values["status"])
    return RunRecord(
        **values,
        folder=runs_dir / values["id"],
        queue_position=position or None,
        error=None if message is None else RunFailure(message, cure or "", log or ""),
    )

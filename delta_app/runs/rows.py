"""From the store's rows to records."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic_core import from_json
from sqlalchemy import JSON, Connection, Select, Text, cast, select

from delta_app.runs.records import RunFailure, RunRecord, RunStatus
from delta_app.runs.schema import runs
from delta_app.runs.stored_values import check_values

KEPT_RECORDS = 10_000
"""Records as the rows stood last, one a run. A page that lists thousands of runs asks again every
other second, and all but a few rows are the same."""

# Of a record but not of the table: the folder, and the error as one.
_NAMES = tuple(f.name for f in fields(RunRecord) if f.name not in ("folder", "error"))
_FAILURE = ("error_message", "error_cure", "error_log")
_ID = _NAMES.index("id")
_JSON = tuple(name for name in _NAMES if isinstance(runs.c[name].type, JSON))

_State = tuple[tuple[Any, ...], int | None]
_keeping = threading.Lock()
_kept: OrderedDict[tuple[Path, str], tuple[_State, RunRecord]] = OrderedDict()


def all_runs() -> Select[Any]:
    """The query whose rows `records_of` understands; conditions and order are added to it."""
    return select(
        *(
            # As it is written: it is read only where the row is another than before.
            cast(runs.c[name], Text).label(name) if name in _JSON else runs.c[name]
            for name in (*_NAMES, *_FAILURE)
        )
    )


def records_of(connection: Connection, query: Select[Any], runs_dir: Path) -> list[RunRecord]:
    """The records of the rows of `all_runs`.

    A row that is the same as before gives the same record: it is not to be changed.
    """
    rows = connection.execute(query).all()
    line = _line(connection) if any(row.status == RunStatus.QUEUED for row in rows) else ()
    return [
        _record(
            tuple(row),
            runs_dir,
            bisect_right(line, row.queue_position) if row.status == RunStatus.QUEUED else None,
        )
        for row in rows
    ]


def _line(connection: Connection) -> Sequence[int]:
    """The queue's numbers, in order."""
    queued = runs.c.status == RunStatus.QUEUED
    query = select(runs.c.queue_position).where(queued, runs.c.queue_position.is_not(None))
    return connection.scalars(query.order_by(runs.c.queue_position)).all()


def forget(runs_dir: Path, run_id: str) -> None:
    """Drop the record of a run that was deleted."""
    with _keeping:
        _kept.pop((runs_dir, run_id), None)


def _record(row: tuple[Any, ...], runs_dir: Path, position: int | None) -> RunRecord:
    """The record that is kept where the row is the same; a run's earlier states are let go."""
    key, state = (runs_dir, row[_ID]), (row, position)
    with _keeping:
        kept = _kept.get(key)
        if kept is not None and kept[0] == state:
            _kept.move_to_end(key)
            return kept[1]
    record = _read(row, runs_dir, position)
    with _keeping:
        _kept[key] = (state, record)
        _kept.move_to_end(key)
        while len(_kept) > KEPT_RECORDS:
            _kept.popitem(last=False)
    return record


def _read(row: tuple[Any, ...], runs_dir: Path, position: int | None) -> RunRecord:
    values = dict(zip(_NAMES, row, strict=False))
    message, cure, log = row[len(_NAMES) :]
    for name in _JSON:
        values[name] = from_json(values[name])
    check_values(values | dict(zip(_FAILURE, (message, cure, log), strict=True)))
    values["status"] = RunStatus(values["status"])
    values["queue_position"] = position
    return RunRecord(
        **values,
        folder=runs_dir / values["id"],
        error=None if message is None else RunFailure(message, cure or "", log or ""),
    )

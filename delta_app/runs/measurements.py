"""Metrics and events of runs: written in batches, read from where one left off."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, delete, func, insert, select, update

from delta_app.errors import RunError
from delta_app.runs.commits import Stamp
from delta_app.runs.database import Database
from delta_app.runs.points import Points, Seen, check_points, read_points
from delta_app.runs.records import Event, Metrics, Series
from delta_app.runs.schema import events, metric_names, metrics, runs


class Measured(NamedTuple):
    """Numbers measured at one step; epoch is a fraction inside an epoch."""

    step: int
    epoch: float
    values: Mapping[str, float]


class Measurements:
    """The part of the store that grows while runs go on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def stamp(self) -> Stamp | None:
        """Where the store stands: another stamp after whatever was written to it, by whomever.

        None where it cannot be told; then look.
        """
        return self._database.stamp()

    def close(self) -> None:
        """Close the store's files; the next use opens them again."""
        self._database.close()

    def write(
        self,
        run_id: str,
        measured: Sequence[Measured] = (),
        happened: Sequence[Event] = (),
        columns: Mapping[str, Any] | None = None,
    ) -> None:
        """Add points and events and set columns of a run, all of them or none.

        Raises:
            RunError: there is no such run.
            StoreError: the store cannot be written now.
        """
        with self._database.writing() as connection:
            key = _key(connection, run_id)
            if measured:
                connection.execute(insert(metrics), _points(connection, key, measured))
            if happened:
                first = _next(connection, events, key)
                lines = [
                    {"run_key": key, "number": first + i, **_plain(line)}
                    for i, line in enumerate(happened)
                ]
                connection.execute(insert(events), lines)
            if columns:
                connection.execute(update(runs).where(runs.c.key == key).values(**columns))

    def add_metrics(self, run_id: str, rows: Sequence[Measured]) -> None:
        """Add points to a run's series."""
        self.write(run_id, measured=rows)

    def add_event(self, run_id: str, level: str, message: str) -> None:
        """Add a line to a run's log."""
        self.write(run_id, happened=[Event(time.time(), level, message)])

    def make_agree(self, run_id: str, measured: Iterable[Measured]) -> None:
        """Let a run's series be these and no others: what the store has beyond is deleted, what
        it lacks at the end is added. What is there already is taken to be the same.

        Raises:
            RunError: there is no such run.
            StoreError: the store cannot be written now.
        """
        with self._database.writing() as connection:
            key = _key(connection, run_id)
            there = _next(connection, metrics, key) - 1
            total = 0
            missing: list[Measured] = []
            for each in measured:
                before, total = total, total + len(each.values)
                if total > there:
                    values = list(each.values.items())[max(0, there - before) :]
                    missing.append(each._replace(values=dict(values)))
            beyond = (metrics.c.run_key == key) & (metrics.c.number > total)
            connection.execute(delete(metrics).where(beyond))
            if missing:
                connection.execute(insert(metrics), _points(connection, key, missing))

    def metrics(
        self,
        run_id: str,
        names: Sequence[str] | None = None,
        *,
        after: int = 0,
    ) -> Metrics:
        """The series of a run, all or those named, from the point after number `after` on.

        Every point: `points` is for charts.

        Raises:
            RunError: there is no such run.
        """
        with self._database.reading() as connection:
            key = _key(connection, run_id)
            by_key = {row.key: row.name for row in connection.execute(select(metric_names))}
            columns = metrics.c
            query = (
                select(columns.number, columns.name_key, columns.step, columns.epoch, columns.value)
                .where(columns.run_key == key, columns.number > after)
                .order_by(columns.number)
            )
            if names is not None:
                wanted = [number for number, name in by_key.items() if name in set(names)]
                query = query.where(columns.name_key.in_(wanted))
            rows = [tuple(row) for row in connection.execute(query)]
            table = np.array(rows, dtype=np.float64).reshape(-1, 5)  # NULL becomes not-a-number
            check_points(table, by_key)
        series = {}
        for number in np.unique(table[:, 1]):
            part = table[table[:, 1] == number]
            whole = Series(part[:, 2].astype(np.int64), part[:, 3], part[:, 4])
            series[by_key[int(number)]] = whole
        return Metrics(series, int(table[-1, 0]) if len(table) else after)

    def points(self, run_id: str, seen: tuple[Seen, ...] = ()) -> Points:
        """What a run measured after the points seen, as far as a chart needs it.

        Args:
            seen: `last` of what was read before.

        Raises:
            RunError: there is no such run.
        """
        with self._database.reading() as connection:
            return read_points(connection, _key(connection, run_id), seen)

    def events(self, run_id: str, limit: int = 200) -> list[Event]:
        """The last lines of a run's log, newest first.

        Raises:
            RunError: there is no such run.
        """
        with self._database.reading() as connection:
            key = _key(connection, run_id)
            query = (
                select(events.c.at, events.c.level, events.c.message)
                .where(events.c.run_key == key)
                .order_by(events.c.number.desc())
                .limit(limit)
            )
            found = [Event(*row) for row in connection.execute(query)]
            for event in found:
                if not (isinstance(event.at, (int, float)) and isinstance(event.message, str)):
                    raise ValueError(f"a line of the log of {run_id!r} is {event!r}")
            return found


def _key(connection: Connection, run_id: str) -> int:
    key = connection.scalar(select(runs.c.key).where(runs.c.id == run_id))
    if key is None:
        raise RunError(f"There is no run {run_id!r}.", cure="See the list of runs.")
    return int(key)


def _next(connection: Connection, table: Any, key: int) -> int:
    """The first free number of a run in a table that counts by run."""
    last = connection.scalar(select(func.max(table.c.number)).where(table.c.run_key == key))
    return int(last or 0) + 1


def _points(connection: Connection, key: int, measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """The rows of the metrics table for what was measured; new names become known."""
    known = {row.name: row.key for row in connection.execute(select(metric_names))}
    points: list[dict[str, Any]] = []
    number = _next(connection, metrics, key)
    for step, epoch, values in measured:
        for name, value in values.items():
            if name not in known:
                added = insert(metric_names).values(name=name).returning(metric_names.c.key)
                known[name] = connection.execute(added).scalar_one()
            points.append(
                {
                    "run_key": key,
                    "number": number + len(points),
                    "name_key": known[name],
                    "step": step,
                    "epoch": epoch,
                    "value": None if math.isnan(value) else value,
                }
            )
    return points


def _plain(event: Event) -> dict[str, Any]:
    return {"at": event.at, "level": event.level, "message": event.message}

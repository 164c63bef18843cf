"""Run stores as large as a year of work leaves them, written in minutes.

One real run of the bundled demo is trained; all others are its row and its small files under other
names, with points of their own.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert, select, text

from delta_app.runs.control import Shutdown
from delta_app.runs.description import describe_run, free_name
from delta_app.runs.folder import new_folder
from delta_app.runs.records import TRAINING, RunRecord, RunStatus
from delta_app.runs.schema import metric_names, metrics, runs
from delta_app.runs.store import RunStore
from delta_app.services.demo import demo_config
from delta_app.services.runs import run_here
from delta_app.training import metric_names as names

METHODS = ("l2", "l2_sp", "feature_map", "delta")
EPOCHS = 50
_AT_ONCE = 50  # runs a transaction: 1,000,000 points
_SMALL_FILE = 1_000_000  # bytes; weights are not copied two thousand times


def many_runs(folder: Path, number: int, points: int) -> RunStore:
    """A store of `number` runs that ended, with `points` points each; made where it is missing."""
    done = folder / "whole"
    if done.is_file() and done.read_text() == f"{number} {points}":
        return RunStore(folder)
    shutil.rmtree(folder, ignore_errors=True)
    template = _trained(folder)
    store = RunStore(folder)
    _copy(store, template, number - 1)
    with store._database.writing() as connection:
        connection.execute(metrics.delete())
        _fill_template(connection, points)
    keys = _keys(store)
    for first in range(0, len(keys), _AT_ONCE):
        with store._database.writing() as connection:
            for key in keys[first : first + _AT_ONCE]:
                connection.execute(_FROM_TEMPLATE, {"key": key, "shift": key / len(keys)})
    with store._database.writing() as connection:
        connection.execute(text("DROP TABLE template"))
    done.write_text(f"{number} {points}")
    return store


def long_run(folder: Path, steps: int) -> tuple[RunStore, RunRecord]:
    """A store whose only run has taken `steps` steps, six numbers each, 1,000 steps an epoch."""
    shutil.rmtree(folder, ignore_errors=True)
    config = demo_config("delta", epochs=max(1, steps // 1000))
    store = RunStore(folder)
    run = store.create(TRAINING, "long", **describe_run(TRAINING, config))
    add_steps(store, run.id, 0, steps)
    return store, store.get(run.id)


def add_steps(store: RunStore, run_id: str, first: int, last: int) -> None:
    """Give a run the points of the steps after `first`, up to `last`."""
    with store._database.writing() as connection:
        key = connection.execute(select(runs.c.key).where(runs.c.id == run_id)).scalar_one()
        number = connection.execute(
            text("SELECT coalesce(max(number), 0) FROM metrics WHERE run_key = :key"), {"key": key}
        ).scalar_one()
        rows = [
            {**row, "run_key": key, "number": number + place}
            for place, row in enumerate(_rows(connection, first, last, 1000), 1)
        ]
        for start in range(0, len(rows), 100_000):
            connection.execute(insert(metrics), rows[start : start + 100_000])


def _trained(folder: Path) -> RunRecord:
    """A real run of the demo, two epochs long."""
    config = demo_config("delta", epochs=2, attention_batches=1, head_epochs=1)
    return run_here(TRAINING, config, Shutdown(), runs_dir=folder)


def _copy(store: RunStore, template: RunRecord, number: int) -> None:
    """The trained run's row and small files, `number` times, by each method in turn."""
    small = [
        path
        for path in template.folder.iterdir()
        if path.stat().st_size < _SMALL_FILE and path.suffix in (".json", ".txt")
    ]
    with store._database.reading() as connection:
        row = dict(connection.execute(select(runs)).one()._mapping)
    del row["key"]
    rows, taken = [], {template.name}
    for place in range(number):
        method = METHODS[place % len(METHODS)]
        config = demo_config(method, epochs=EPOCHS, seed=place)
        folder = new_folder(store.runs_dir, method)
        for path in small:
            os.link(path, folder.path / path.name)
        name = free_name(TRAINING, config, taken) if place < 50 else f"{method} {place}"
        taken.add(name)
        rows.append(row | _ended(place) | describe_run(TRAINING, config) | {
            "id": folder.path.name, "name": name, "epochs": EPOCHS, "epoch": EPOCHS,
            "created_at": template.created_at + place, "started_at": template.created_at + place,
        })  # fmt: skip
    with store._database.writing() as connection:
        connection.execute(insert(runs), rows)


def _ended(place: int) -> dict[str, Any]:
    """One run in ten did not complete."""
    if place % 20 == 7:
        return {"status": RunStatus.STOPPED}
    if place % 20 == 17:
        return {"status": RunStatus.FAILED, "error_message": "Out of memory.", "error_log": ""}
    return {"status": RunStatus.COMPLETED}


def _keys(store: RunStore) -> list[int]:
    with store._database.reading() as connection:
        return list(connection.scalars(select(runs.c.key).order_by(runs.c.key)))


_FROM_TEMPLATE = text(
    "INSERT INTO metrics (run_key, number, name_key, step, epoch, value) "
    "SELECT :key, number, name_key, step, epoch, value + :shift FROM template ORDER BY number"
)


def _fill_template(connection: Connection, points: int) -> None:
    steps = (points - EPOCHS * len(names.BY_EPOCH)) // len(names.BY_STEP)
    rows = list(_rows(connection, 0, steps, -(-steps // EPOCHS)))[:points]
    connection.execute(
        text("CREATE TABLE template (number INTEGER PRIMARY KEY, name_key, step, epoch, value)")
    )
    insertion = text("INSERT INTO template VALUES (:number, :name_key, :step, :epoch, :value)")
    connection.execute(insertion, [{**row, "number": n} for n, row in enumerate(rows, 1)])


def _rows(connection: Connection, first: int, last: int, per_epoch: int) -> list[dict[str, Any]]:
    """The points of the steps after `first`: losses that fall and scatter, rates, accuracies."""
    keys = _name_keys(connection)
    random = np.random.default_rng(first)
    rows = []
    for step in range(first + 1, last + 1):
        epoch = step / per_epoch
        losses = random.gamma(4.0, 0.25, size=4) * np.exp(-epoch / 20)
        values = dict(zip(names.BY_STEP, (*losses, 0.01, 0.1), strict=True))
        if step % per_epoch == 0:
            values |= dict(zip(names.BY_EPOCH, random.uniform(size=4), strict=True))
        rows += [
            {"name_key": keys[name], "step": step, "epoch": epoch, "value": float(value)}
            for name, value in values.items()
        ]
    return rows


def _name_keys(connection: Connection) -> dict[str, int]:
    """The key of each metric's name; new names become known."""
    known = {row.name: row.key for row in connection.execute(select(metric_names))}
    for name in (*names.BY_STEP, *names.BY_EPOCH):
        if name not in known:
            connection.execute(insert(metric_names).values(name=name))
    return {row.name: row.key for row in connection.execute(select(metric_names))}

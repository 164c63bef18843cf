"""Damage to a store that opening does not notice: said when it is met, with its repair."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from delta_app.errors import StoreError
from delta_app.runs.measurements import Measured
from delta_app.runs.records import RunRecord
from delta_app.runs.store import STORE_FILE, RunStore

NewRun = Callable[..., RunRecord]
REPAIR = "python -m delta_app runs repair"


def changed(store: RunStore, statement: str) -> RunStore:
    """The store opened again after something else has written into its file."""
    store.close()
    raw = sqlite3.connect(store.runs_dir / STORE_FILE)
    raw.executescript(statement)
    raw.close()
    return RunStore(store.runs_dir)


def refused(act: Callable[[], object]) -> StoreError:
    with pytest.raises(StoreError) as caught:
        act()
    assert STORE_FILE in caught.value.message
    assert REPAIR in caught.value.cure
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "change",
    [
        "status = 'dancing'",
        "created_at = 'yesterday'",
        "epoch = 1.5",
        "name = x'80ff'",
        "name = cast(x'80ff' as text)",
        "config = '{\"a\":'",
        "config = '[]'",
        "facts = '3'",
        f"config = '{'[' * 20_000}'",
        """config = '{"method": 7}'""",
        """config = '{"method": {"attention": []}}'""",
        """config = '{"run": {"attention": {"attention_of": 3}}}'""",
        """config = '{"method": {"attention": "a\\u0000b"}}'""",
        """facts = '{"behaviour_layers": 3}'""",
        """facts = '{"pictures": {"train": "many"}}'""",
        """facts = '{"steps_per_epoch": -1}'""",
        "val_top1 = 'good'",
        "error_message = x'00'",
    ],
)
def test_a_run_that_cannot_be(change: str, store: RunStore, new_run: NewRun) -> None:
    record = new_run()
    damaged = changed(store, f"update runs set {change}")
    refused(damaged.runs)
    refused(lambda: damaged.get(record.id))


@pytest.mark.parametrize(
    "statement",
    [
        "delete from metric_names",
        "update metrics set name_key = 77",
        "update metrics set value = 'much'",
        "update metrics set epoch = 9e999",
        "drop table metrics",
    ],
)
def test_points_that_cannot_be(statement: str, store: RunStore, new_run: NewRun) -> None:
    record = new_run()
    store.add_metrics(record.id, [Measured(1, 0.5, {"train/loss": 2.0})])
    damaged = changed(store, statement)
    refused(lambda: damaged.metrics(record.id))
    refused(lambda: damaged.points(record.id))


@pytest.mark.parametrize(
    "statement",
    [
        "update events set at = 'then'",
        "update events set message = x'80'",
        "drop table events",
    ],
)
def test_a_log_that_cannot_be(statement: str, store: RunStore, new_run: NewRun) -> None:
    record = new_run()
    store.add_event(record.id, "info", "words")
    damaged = changed(store, statement)
    refused(lambda: damaged.events(record.id))


@pytest.mark.parametrize(
    "statement",
    [
        "delete from schema_version",
        "insert into schema_version values (1)",
        "update schema_version set version = 0",
        "update schema_version set version = 'new'",
        "alter table schema_version rename column version to number",
    ],
)
def test_a_version_that_cannot_be(statement: str, store: RunStore) -> None:
    refused(lambda: changed(store, statement))


def test_a_row_of_other_columns(store: RunStore, new_run: NewRun) -> None:
    record = new_run()
    damaged = changed(store, "alter table runs rename column config to settings")
    refused(damaged.runs)
    refused(lambda: damaged.update(record.id, config={}))


@pytest.mark.slow
def test_a_file_cut_in_the_middle(store: RunStore, new_run: NewRun) -> None:
    for number in range(40):
        new_run(f"run {number}")
    store.close()
    file = store.runs_dir / STORE_FILE
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    for left in store.runs_dir.glob(f"{STORE_FILE}-*"):
        left.unlink()
    refused(lambda: RunStore(store.runs_dir).runs())


@pytest.mark.slow
def test_pages_in_the_middle_overwritten(store: RunStore, new_run: NewRun, tmp_path: Path) -> None:
    for number in range(40):
        new_run(f"run {number}")
    store.close()
    file = store.runs_dir / STORE_FILE
    data = bytearray(file.read_bytes())
    data[4096 : len(data) - 4096] = bytes(len(data) - 8192)
    file.write_bytes(data)
    refused(lambda: RunStore(store.runs_dir).runs())


def test_a_mistake_in_the_app_is_not_called_damage(store: RunStore) -> None:
    with pytest.raises(RuntimeError, match="mine"), store._database.reading():
        raise RuntimeError("mine")

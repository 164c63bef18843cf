"""Schema, versions and what goes wrong with a database file."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from delta_app.errors import StoreError
from delta_app.runs import database, schema
from delta_app.runs.records import RunRecord
from delta_app.runs.store import STORE_FILE, RunStore

NewRun = Callable[..., RunRecord]


def columns(folder: Path) -> list[str]:
    raw = sqlite3.connect(folder / STORE_FILE)
    try:
        return [row[1] for row in raw.execute("pragma table_info(runs)")]
    finally:
        raw.close()


def test_pages_read_while_a_run_writes(store: RunStore, new_run: NewRun) -> None:
    record = new_run()
    with store._database.writing() as connection:
        connection.execute(text("update runs set name = 'not yet'"))
        assert store.get(record.id).name == "a run"
    assert store.get(record.id).name == "not yet"


def test_an_older_store_is_brought_up_to_date_with_its_runs(
    store: RunStore, new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = new_run("old one")
    store.add_event(record.id, "info", "from before")
    store.close()

    def add_tags(connection: Connection) -> None:
        connection.execute(text("alter table runs add column tags text not null default 'none'"))

    def add_notes(connection: Connection) -> None:
        connection.execute(text("alter table runs add column notes text"))

    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 2)
    steps = {schema.VERSION - 2: add_tags, schema.VERSION - 1: add_notes}
    monkeypatch.setattr(schema, "MIGRATIONS", steps)
    for _ in range(2):  # the second time there is nothing to do
        newer = RunStore(store.runs_dir)
        assert columns(store.runs_dir)[-2:] == ["tags", "notes"]
        assert newer.get(record.id) == record
        assert [e.message for e in newer.events(record.id)] == ["from before"]
        newer.close()


def test_a_store_from_before_runs_were_resumed_is_brought_up_to_date(
    store: RunStore, new_run: NewRun
) -> None:
    begun, waiting = new_run(), new_run()
    store.claim(begun.id, "me")
    with store._database.writing() as connection:
        connection.execute(text("alter table runs drop column resumed_at"))
        connection.execute(text("update schema_version set version = 1"))
    store.close()
    newer = RunStore(store.runs_dir)
    found = newer.get(begun.id)
    assert found.resumed_at == found.started_at
    assert found.resumed_at is not None
    assert newer.get(waiting.id).resumed_at is None
    newer.close()


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    store: RunStore, new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = new_run()
    before = columns(store.runs_dir)
    store.close()

    def fail(connection: Connection) -> None:
        connection.execute(text("alter table runs add column half integer"))
        raise RuntimeError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "VERSION", schema.VERSION + 1)
        patch.setattr(schema, "MIGRATIONS", {schema.VERSION - 1: fail})
        with pytest.raises(RuntimeError, match="the power went"):
            RunStore(store.runs_dir)
    assert columns(store.runs_dir) == before
    assert RunStore(store.runs_dir).get(record.id) == record


def test_every_version_but_the_first_is_reached_by_a_migration() -> None:
    assert sorted(schema.MIGRATIONS) == list(range(1, schema.VERSION))


def test_a_store_of_a_later_version_is_refused(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store._database.writing() as connection:
        connection.execute(text("update schema_version set version = 99"))
    store.close()
    with pytest.raises(StoreError, match=r"store\.sqlite has schema version 99; this Delta App"):
        RunStore(store.runs_dir)


@pytest.mark.slow
def test_processes_that_open_a_new_store_at_once_agree(
    tmp_path: Path, other_process: Callable[[str], subprocess.Popen[str]], store: RunStore
) -> None:
    store.close()
    for file in store.runs_dir.iterdir():
        file.unlink()
    processes = [other_process("open") for _ in range(3)]
    for process in processes:
        out, _ = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "0\n")


def test_a_file_that_is_no_database_is_said_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / STORE_FILE).write_bytes(b"certainly not SQLite" * 100)
    with pytest.raises(StoreError, match=r"store\.sqlite cannot be used: file is not") as raised:
        RunStore(tmp_path)
    assert "`python -m delta_app runs repair`" in raised.value.cure


def test_a_store_locked_for_long_is_said_with_its_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    store = RunStore(tmp_path)
    other = sqlite3.connect(tmp_path / STORE_FILE, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(StoreError, match="database is locked") as raised:
        store.update("anything", name="x")
    assert "Another program holds it" in raised.value.cure
    other.close()
    store.close()

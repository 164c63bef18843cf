"""A look that costs nothing must miss nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from delta_app.errors import StoreError
from delta_app.runs.commits import Commits
from delta_app.runs.records import RunRecord
from delta_app.runs.store import STORE_FILE, RunStore

NewRun = Callable[..., RunRecord]


def test_nothing_written_is_the_same_stamp(store: RunStore, new_run: NewRun) -> None:
    new_run()
    first = store.stamp()
    assert first is not None
    store.runs()
    assert store.stamp() == first


def test_every_commit_is_another_stamp(store: RunStore, new_run: NewRun) -> None:
    stamps = [store.stamp()]
    record = new_run()
    stamps.append(store.stamp())
    for number in range(1, 50):  # faster than a file's time changes
        store.update(record.id, step=number)
        stamps.append(store.stamp())
    assert None not in stamps
    assert len(set(stamps)) == len(stamps)


def test_another_process_is_seen(store: RunStore, new_run: NewRun) -> None:
    new_run()
    before = store.stamp()
    script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('update runs set "
    script += "name = 1'); c.commit()"
    file = store.runs_dir / STORE_FILE
    subprocess.run([sys.executable, "-c", script, str(file)], check=True, timeout=60)
    assert store.stamp() not in (before, None)


def test_a_store_in_the_place_of_the_old_one_is_seen(store: RunStore, new_run: NewRun) -> None:
    """As a repair puts one there: what is written to the new one is no commit to the old one."""
    record = new_run()
    file = store.runs_dir / STORE_FILE
    store.close()
    copy = file.with_name("copy")
    copy.write_bytes(file.read_bytes())
    stamps = [store.stamp()]
    copy.replace(file)
    stamps.append(store.stamp())
    store.update(record.id, step=1)
    stamps.append(store.stamp())
    assert None not in stamps
    assert len(set(stamps)) == 3


def test_a_store_that_is_gone_is_said(store: RunStore, new_run: NewRun) -> None:
    new_run()
    assert store.stamp() is not None
    (store.runs_dir / STORE_FILE).unlink()
    with pytest.raises(StoreError, match="is gone") as caught:
        store.stamp()
    assert "runs repair" in caught.value.cure


def test_another_file_in_its_place_is_another_stamp(tmp_path: Path) -> None:
    file = tmp_path / "a #1 file?.sqlite"
    stamps = set()
    commits = Commits(file)
    for _ in range(2):
        raw = sqlite3.connect(file)
        raw.execute("create table t (x)")
        raw.close()
        stamps.add(commits.stamp())
        commits.close()
        file.unlink()
    assert len(stamps) == 2
    assert commits.stamp() is None
    assert not file.exists()

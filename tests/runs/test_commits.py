"""A look that costs nothing must miss nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

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

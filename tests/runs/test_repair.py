"""The store damaged in every way a disk or a person can, and made anew from the run folders."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from small_runs import copied

from delta_app.errors import CheckpointError, DatasetError, RunError, StoreError
from delta_app.runs import execute as executing
from delta_app.runs import repair as repairing
from delta_app.runs import store_observer
from delta_app.runs.control import Shutdown
from delta_app.runs.execute import execute
from delta_app.runs.folder import RunFolder
from delta_app.runs.journal import read_journal
from delta_app.runs.locks import own
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runs.repair import NEW_FILE, Report, repair
from delta_app.runs.run_file import read_run_file
from delta_app.runs.store import STORE_FILE, RunStore

pytestmark = pytest.mark.slow

NewRun = Callable[..., RunRecord]

LIKE_AN_EVENT = "2026-01-31 17:04:05.123+01:00 info    But it is none."
# Of the moment, and of no run's history.
PASSING = ("phase_done", "phase_total", "phase_detail", "phase_speed", "phase_at", "owner")


def all_of(store: RunStore) -> dict[str, Any]:
    """Everything that the store says of each run but when the lines of its log were written."""
    said = {}
    for record in store.runs():
        row = {n: v for n, v in vars(record).items() if n not in (*PASSING, "queue_position")}
        series = {
            name: tuple(map(str, (found.steps, found.epochs, found.values.tolist())))
            for name, found in store.metrics(record.id).series.items()
        }
        log = [(e.level, e.message) for e in store.events(record.id)]
        said[record.id] = (row, series, log)
    return said


def times_of(store: RunStore, record: RunRecord) -> list[float]:
    """When the lines of a run's log were written; log.txt has them to the millisecond."""
    return [event.at for event in store.events(record.id)]


def cut(file: Path) -> None:
    """As a copy that was broken off."""
    _bring_home(file)
    os.truncate(file, file.stat().st_size // 2)


def flip(file: Path) -> None:
    """One bit in the header of every page but the first."""
    _bring_home(file)
    data = bytearray(file.read_bytes())
    for page in range(4096, len(data), 4096):
        data[page] ^= 0x40
    _overwrite(file, bytes(data))


def be_text(file: Path) -> None:
    _bring_home(file)
    _overwrite(file, b"certainly not SQLite\n" * 1000)


def be_other_text(file: Path) -> None:
    """As an editor saves: another file under the same name."""
    _bring_home(file)
    other = file.with_name("other")
    other.write_bytes(b"certainly not SQLite\n" * 1000)
    other.replace(file)


def be_empty(file: Path) -> None:
    _bring_home(file)
    os.truncate(file, 0)


def vanish(file: Path) -> None:
    for path in (file, *(file.with_name(f"{file.name}{more}") for more in ("-wal", "-shm"))):
        path.unlink(missing_ok=True)


def _bring_home(file: Path) -> None:
    """Let the file have all that lies beside it."""
    with closing(sqlite3.connect(file, timeout=10)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _overwrite(file: Path, data: bytes) -> None:
    with file.open("r+b") as opened:
        opened.truncate(0)
        opened.write(data)


DAMAGES = [cut, flip, be_text, be_other_text, be_empty, vanish]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run's end does not wait long for the store."""
    for module in (store_observer, executing):
        monkeypatch.setattr(module, "LAST_WRITE_SECONDS", 0.3)


def run_one(store: RunStore, record: RunRecord, training: Any) -> RunRecord:
    lock = own(RunFolder(record.folder))
    assert lock is not None
    store.begin(record.id)
    try:
        return execute(store, record.id, Shutdown(), training=training)
    finally:
        lock.release()


@pytest.fixture
def several(store: RunStore, new_run: NewRun, standin: ModuleType) -> RunStore:
    """A completed, a failed, a paused, a stopped and two queued runs, one of them renamed."""

    def quickly(*arguments: Any) -> Any:
        return standin.small_training(*arguments, seconds_a_step=0.0)

    def fails(config: Any, folder: Path, observer: Any, control: Any) -> Any:
        observer.metrics(1, 0.1, {"loss/total": float("nan")})
        raise DatasetError(
            "A picture is gone.",
            cure="Put it back.\n2026-01-31 17:04:05.123+01:00 info    No event of its own.",
        )

    def pauses(config: Any, folder: Path, observer: Any, control: Any) -> Any:
        observer.metrics(1, 0.1, {"loss/total": 0.1 + 0.2, "loss/data": 1e-300})
        return standin.Result("paused")

    run_one(store, new_run("Bäume <b>1</b>", epochs=2), quickly)
    run_one(store, new_run("second"), fails)
    run_one(store, new_run("third"), pauses)
    store.request(new_run("fourth").id, "stop")
    new_run("fifth")
    store.rename(new_run("sixth").id, "the sixth")
    return store


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_store_is_made_anew_as_it_was(
    several: RunStore, damage: Callable[[Path], None]
) -> None:
    before, file = all_of(several), several.runs_dir / STORE_FILE
    times = {record.id: times_of(several, record) for record in several.runs()}
    line = [record.id for record in several.runs(status=RunStatus.QUEUED)]
    several.close()
    damage(file)
    broken = file.read_bytes() if file.exists() else None
    report = repair(several.runs_dir)
    assert report.damage
    assert [run.done for run in report.runs] == ["rebuilt"] * 6
    assert report.left == []
    again = RunStore(several.runs_dir)
    assert all_of(again) == before
    for record in again.runs():
        assert times_of(again, record) == pytest.approx(times[record.id], rel=0, abs=0.0011)
    assert [record.id for record in again.runs(status=RunStatus.QUEUED)] == line
    again.close()
    if broken is None:
        assert report.moved_to is None
    else:  # moved aside, never deleted
        assert report.moved_to is not None
        assert report.moved_to.name.startswith(f"{STORE_FILE}.damaged-")
        assert report.moved_to.read_bytes() == broken
    assert unchanged(repair(several.runs_dir))


def unchanged(report: Report) -> bool:
    return report.damage is None and all(run.done == "unchanged" for run in report.runs)


@pytest.mark.parametrize(
    "statement",
    [
        "update runs set status = 'dancing'",
        "update runs set config = '[]'",
        "update events set message = x'80'",
        "update metrics set value = 'much'",
        "delete from metric_names",
        "drop table metrics",
        "update schema_version set version = 'new'",
    ],
)
def test_damage_that_sqlite_passes_is_repaired_too(several: RunStore, statement: str) -> None:
    before = all_of(several)
    several.close()
    with closing(sqlite3.connect(several.runs_dir / STORE_FILE)) as raw:
        raw.executescript(statement)
    report = repair(several.runs_dir)
    assert report.damage
    again = RunStore(several.runs_dir)
    assert all_of(again) == before
    again.close()


@pytest.mark.parametrize("damage", [be_text, be_other_text, be_empty, vanish])
def test_a_store_that_cannot_be_opened_names_the_command(
    several: RunStore, damage: Callable[[Path], None]
) -> None:
    several.close()
    damage(several.runs_dir / STORE_FILE)
    with pytest.raises(StoreError) as raised:
        RunStore(several.runs_dir).runs()
    assert "`python -m delta_app runs repair`" in raised.value.cure


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_store_damaged_while_a_run_goes_on_loses_nothing_of_it(
    store: RunStore,
    new_run: NewRun,
    standin: ModuleType,
    damage: Callable[[Path], None],
    quick: None,
) -> None:
    undisturbed = run_one(store, new_run("undisturbed"), standin.small_training)
    record = new_run("disturbed")

    class Damaging:
        """The run's control, which is asked at every step."""

        def __init__(self, control: Any) -> None:
            self.control, self.steps = control, 0

        def request(self) -> Any:
            self.steps += 1
            if self.steps == 15:
                damage(store.runs_dir / STORE_FILE)
            return self.control.request()

    def training(config: Any, folder: Path, observer: Any, control: Any) -> Any:
        return standin.small_training(config, folder, observer, Damaging(control))

    ended = run_one(store, record, training)
    assert (ended.status, ended.step, ended.test_top1) == (RunStatus.COMPLETED, 40, 0.75)
    store.close()
    measured = list(read_journal(RunFolder(record.folder).journal))
    assert [(each.step, each.values) for each in measured] == [
        (step, {"loss/total": 1 / step}) for step in range(1, 41)
    ]

    report = repair(store.runs_dir)
    assert [(run.name, run.status) for run in report.runs] == [
        ("undisturbed", "completed"),
        ("disturbed", "completed"),
    ]
    again = RunStore(store.runs_dir)
    one, other = again.get(undisturbed.id), again.get(record.id)
    for column in ("epoch", "step", "val_top1", "best_epoch", "test_top1", "facts", "error"):
        assert getattr(one, column) == getattr(other, column)
    said = all_of(again)
    assert said[one.id][1] == said[other.id][1]  # every series
    logs = [[words for _, words in said[run.id][2]] for run in (one, other)]
    assert set(logs[0]) <= set(logs[1])
    again.close()


def test_a_sound_store_gets_what_it_lacks_and_loses_nothing(
    several: RunStore, tmp_path: Path
) -> None:
    before = all_of(several)
    completed, failed, gone, copy = list(reversed(several.runs()))[:4]
    with closing(sqlite3.connect(several.runs_dir / STORE_FILE)) as raw, raw:
        raw.execute("pragma foreign_keys = on")
        key = raw.execute("select key from runs where id = ?", (completed.id,)).fetchone()[0]
        raw.execute("delete from metrics where run_key = ? and number > 3", (key,))
        raw.execute("update metrics set value = 7 where run_key = ? and number = 2", (key,))
        raw.execute("delete from events where run_key = ? and number = 1", (key,))
        raw.execute("delete from runs where id = ?", (failed.id,))
    shutil.move(gone.folder, tmp_path / "elsewhere")
    strange = several.runs_dir / "holiday-pictures"
    strange.mkdir()
    (strange / "log.txt").write_text("not of a run")
    report = repair(several.runs_dir)
    assert report.damage is None
    done = {run.run: run.done for run in report.runs}
    assert (done[completed.id], done[failed.id]) == ("made to agree", "added")
    assert done[copy.id] == "unchanged"
    assert [record.id for record in report.gone] == [gone.id]
    assert [left.folder for left in report.left] == ["holiday-pictures"]
    after = all_of(several)
    assert after.keys() == before.keys()  # the run whose folder is gone too
    assert after[failed.id] == before[failed.id]
    assert after[completed.id][1] == before[completed.id][1]
    assert sorted(after[completed.id][2]) == sorted(before[completed.id][2])
    assert [run.id for run in repair(several.runs_dir, forget=True).forgotten] == [gone.id]
    assert gone.id not in all_of(several)


def test_it_refuses_while_somebody_works_on_a_run(several: RunStore) -> None:
    record = several.runs(status=RunStatus.QUEUED)[0]
    lock = own(RunFolder(record.folder))
    assert lock is not None
    several.close()
    be_text(several.runs_dir / STORE_FILE)
    with pytest.raises(RunError, match="cannot be repaired now") as raised:
        repair(several.runs_dir)
    assert raised.value.cure
    assert (several.runs_dir / STORE_FILE).read_bytes().startswith(b"certainly")
    lock.release()
    assert len(repair(several.runs_dir).runs) == 6


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff" * 100, b'{"format": 2}'])
def test_a_damaged_run_json_costs_no_other_run(several: RunStore, content: bytes) -> None:
    completed, failed, *_ = reversed(several.runs())
    before = all_of(several)
    several.close()
    RunFolder(completed.folder).run.write_bytes(content)
    be_text(several.runs_dir / STORE_FILE)
    report = repair(several.runs_dir)
    assert len(report.runs) == 6  # that one by its other files
    again = RunStore(several.runs_dir)
    after = all_of(again)
    again.close()
    assert after[failed.id] == before[failed.id]
    assert after[completed.id][1:] == before[completed.id][1:]
    assert after[completed.id][0]["status"] is RunStatus.COMPLETED


def test_run_json_says_what_the_store_says(several: RunStore) -> None:
    for record in several.runs():
        kept = read_run_file(RunFolder(record.folder).run)
        assert kept is not None
        for name in ("name", "status", "config", "facts", "seconds", "finished_at", "test_top1"):
            assert getattr(kept, name) == getattr(record, name), name
        if record.error is not None:
            assert kept.error is not None
            assert vars(kept.error)["message"] == record.error.message


class _Killed:
    """Kills this process at the n-th call of a function."""

    def __init__(self, number: int, inner: Callable[..., Any]) -> None:
        self.number, self.inner = number, inner

    def __call__(self, *arguments: Any) -> Any:
        self.number -= 1
        if self.number == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.inner(*arguments)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(
    ("where", "number"),
    [("run_in", 1), ("run_in", 9), ("agree_with_folder", 4), ("_moved_aside", 1), ("replace", 1)],
)
def test_killed_in_the_middle_it_succeeds_when_it_is_run_again(
    several: RunStore, where: str, number: int
) -> None:
    before, file = all_of(several), several.runs_dir / STORE_FILE
    several.close()
    be_text(file)
    child = os.fork()
    if child == 0:
        try:
            module: Any = repairing.os if where == "replace" else repairing
            if where == "replace":  # of the new store's file alone, not of run.json
                inner = os.replace
                killed = _Killed(1, inner)
                module.replace = lambda a, b: (
                    killed(a, b) if Path(a).name == NEW_FILE else inner(a, b)
                )
            else:
                setattr(module, where, _Killed(number, getattr(module, where)))
            repair(several.runs_dir)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it was not killed"
    assert len(repair(several.runs_dir).runs) == 6
    again = RunStore(several.runs_dir)
    assert all_of(again) == before
    again.close()
    assert not (several.runs_dir / NEW_FILE).exists()
    aside = list(several.runs_dir.glob(f"{STORE_FILE}.damaged-*"))
    assert len(aside) == 1
    assert aside[0].read_bytes().startswith(b"certainly")


@pytest.mark.parametrize("older", [False, True])
def test_real_runs_come_back_with_their_numbers(tmp_path: Path, older: bool) -> None:
    small = copied(tmp_path / "runs")
    store = RunStore(small.runs_dir)
    before = all_of(store)
    store.close()
    for run in (small.l2, small.delta, small.shuffled):
        if older:  # as versions without it left them
            RunFolder(small.folder(run)).run.unlink()
    be_text(small.runs_dir / STORE_FILE)
    assert len(repair(small.runs_dir).runs) == len(before)
    again = RunStore(small.runs_dir)
    after = all_of(again)
    again.close()
    assert after.keys() == before.keys()
    for run, (row, series, log) in after.items():
        assert series == before[run][1]
        assert log == before[run][2]
        if not older:  # the copies have their attention files elsewhere
            assert row == before[run][0] | {"attention": row["attention"]}
        for column in ("status", "test_top1", "val_top1", "best_epoch", "epoch", "step", "config"):
            assert row[column] == before[run][0][column], column


def test_rewinding_says_what_to_do_about_a_damaged_store(
    store: RunStore, new_run: NewRun, quick: None
) -> None:
    record = new_run()

    def training(config: Any, folder: Path, observer: Any, control: Any) -> Any:
        be_other_text(store.runs_dir / STORE_FILE)
        with pytest.raises(CheckpointError) as raised:
            observer.rewind(0)
        assert "runs repair" in raised.value.cure
        raise raised.value

    ended = run_one(store, record, training)
    assert ended.status is RunStatus.FAILED
    assert ended.error is not None
    assert "runs repair" in ended.error.cure

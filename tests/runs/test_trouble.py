"""Disks that are full, read-only or gone, and a store that somebody else holds."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from delta_app.errors import StoreError
from delta_app.runs import database, store_observer
from delta_app.runs import execute as executing
from delta_app.runs.control import Shutdown
from delta_app.runs.execute import execute
from delta_app.runs.folder import RunFolder
from delta_app.runs.journal import Journal, read_journal
from delta_app.runs.locks import ProcessLock, own
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runs.recover import recover
from delta_app.runs.run_file import keep_run, read_run_file
from delta_app.runs.store import STORE_FILE, RunStore
from delta_app.runs.trouble import in_words
from delta_app.runs.worker import Worker
from delta_app.training.disk import RunDisk

NewRun = Callable[..., RunRecord]

HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
held.execute("begin immediate")
print("held", flush=True)
sys.stdin.readline()
held.execute("rollback")
"""


@pytest.fixture
def hold(store: RunStore) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Lock the store by another process, until a line is written to it."""
    started = []

    def lock() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-S", "-c", HOLD, str(store.runs_dir / STORE_FILE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield lock
    for process in started:
        with process:
            process.kill()


@pytest.mark.parametrize("outcome", ["completed", "paused", "failed"])
def test_a_store_locked_beyond_a_run_s_end_learns_how_it_ended(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    store: RunStore,
    new_run: NewRun,
    standin: ModuleType,
    hold: Callable[[], subprocess.Popen[str]],
    outcome: str,
) -> None:
    for module in (store_observer, executing):
        monkeypatch.setattr(module, "LAST_WRITE_SECONDS", 0.3)
    store.close()
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    store = RunStore(store.runs_dir)
    record = new_run()
    lock = own(RunFolder(record.folder))
    assert lock is not None
    store.claim(record.id, "this process")
    holder: list[subprocess.Popen[str]] = []

    def training(config: Any, folder: Path, observer: Any, control: Any) -> Any:
        result = standin.small_training(config, folder, observer, control, seconds_a_step=0.0)
        holder.append(hold())
        observer.event("info", "Said while it was locked.")
        if outcome == "failed":
            raise RuntimeError("a mistake")
        return standin.Result(outcome) if outcome != "completed" else result

    told = execute(store, record.id, Shutdown(), training=training)
    assert told.status == outcome
    lock.release()
    folder = RunFolder(record.folder)
    kept = read_run_file(folder.run)
    assert kept is not None
    assert kept.status == outcome
    assert "which the store could not be told" in folder.log.read_text()

    holder[0].communicate("\n", timeout=30)
    assert store.get(record.id).status is RunStatus.RUNNING  # it was told nothing
    assert [each.status for each in recover(store)] == [outcome]
    found = store.get(record.id)
    assert (found.step, found.test_top1, found.test_evaluations) == (40, 0.75, 1)
    assert (found.owner, found.request) == (None, None)
    assert (found.error is None) == (outcome != "failed")
    assert store.metrics(record.id).series["loss/total"].steps.tolist() == list(range(1, 41))
    said = [event.message for event in store.events(record.id)]
    assert said.count("Said while it was locked.") == 1
    # Nothing is run or tested again.
    assert recover(store) == []
    assert store.next_in_line("cpu", takes_auto=True) is None
    store.close()


def test_an_end_of_an_earlier_stretch_is_not_taken_for_this_one_s(
    store: RunStore, new_run: NewRun, standin: ModuleType
) -> None:
    record = new_run()
    store.begin(record.id)
    execute(store, record.id, Shutdown(), training=standin.small_training)
    old = RunFolder(record.folder).run.read_bytes()
    store.put_back(record.id)
    store.begin(record.id)
    RunFolder(record.folder).run.write_bytes(old)  # as if the disk had been full since
    assert [each.status for each in recover(store)] == [RunStatus.INTERRUPTED]


class Full:
    """A disk that takes nothing for a while."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        self.full = False
        self.refused = 0
        self._number = number
        inner, opening = Journal.append, Path.open

        def append(journal: Journal, measured: Any) -> None:
            self._refuse()
            inner(journal, measured)

        def open_(path: Path, mode: str = "r", *arguments: Any, **named: Any) -> Any:
            if path.name == "log.txt" and mode.startswith("a"):
                self._refuse()
            return opening(path, mode, *arguments, **named)

        monkeypatch.setattr(Journal, "append", append)
        monkeypatch.setattr(Path, "open", open_)

    def _refuse(self) -> None:
        if self.full:
            self.refused += 1
            raise OSError(self._number, os.strerror(self._number))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_what_the_disk_cannot_take_is_written_later_in_order(
    monkeypatch: pytest.MonkeyPatch,
    store: RunStore,
    new_run: NewRun,
    standin: ModuleType,
    until: Callable[..., None],
    number: int,
) -> None:
    monkeypatch.setattr(store_observer, "WRITE_EVERY", 0.02)
    record = new_run()
    store.begin(record.id)
    disk = Full(monkeypatch, number)

    def training(config: Any, folder: Path, observer: Any, control: Any) -> Any:
        observer.event("info", "Before.")
        disk.full = True
        observer.event("info", "Meanwhile.")
        result = standin.small_training(config, folder, observer, control, seconds_a_step=0.001)
        until(lambda: disk.refused > 5)
        assert observer.settle() is None  # so that no checkpoint rests on it
        disk.full = False
        assert observer.settle() == 40
        return result

    ended = execute(store, record.id, Shutdown(), training=training)
    assert ended.status is RunStatus.COMPLETED
    folder = RunFolder(record.folder)
    assert [each.step for each in read_journal(folder.journal)] == list(range(1, 41))
    lines = [line.split(" ", 2)[2].strip() for line in folder.log.read_text().splitlines()]
    words = [line.removeprefix("info").strip() for line in lines]
    epochs = [f"Epoch {epoch} ended." for epoch in range(1, 5)]
    assert words == ["Before.", "Meanwhile.", *epochs, "Completed."]


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.ENOSPC, "Make room on the disk, then resume the run."),
        (errno.EROFS, "Make the disk writable again, then resume the run."),
        (errno.EACCES, "Give yourself the right to write there, then resume the run."),
    ],
)
def test_a_disk_that_ends_a_run_is_said_with_its_cure(
    store: RunStore, new_run: NewRun, number: int, cure: str
) -> None:
    record = new_run()
    store.begin(record.id)

    def training(config: Any, folder: Path, observer: Any, control: Any) -> Any:
        raise OSError(number, os.strerror(number), str(folder / "split.json"))

    ended = execute(store, record.id, Shutdown(), training=training)
    assert ended.status is RunStatus.FAILED
    assert ended.error is not None
    assert ended.error.message.startswith("The disk does not take what the run writes: ")
    assert ended.error.message.endswith(f"({record.folder / 'split.json'}).")
    assert ended.error.cure == cure


def test_other_errors_of_the_system_are_no_trouble_of_the_disk(tmp_path: Path) -> None:
    assert in_words(ConnectionResetError(errno.ECONNRESET, "reset"), RunFolder(tmp_path)) is None
    assert in_words(OSError("no number"), RunFolder(tmp_path)) is None


def test_a_folder_deleted_in_the_middle_ends_the_run_and_no_ghost_is_left(
    store: RunStore, new_run: NewRun
) -> None:
    record = new_run()
    store.begin(record.id)

    def training(config: Any, folder: Path, observer: Any, control: Any) -> Any:
        disk = RunDisk(folder, observer, control)
        for step in range(1, 100):
            observer.metrics(step, step / 10, {"loss/total": 1.0})
            observer.facts({"epoch": step})
            if step == 10:
                shutil.rmtree(folder)
            disk.try_to(lambda: keep_run(record), "the checkpoint")
        raise AssertionError("it went on without a folder")

    ended = execute(store, record.id, Shutdown(), training=training)
    assert (ended.status, ended.step) == (RunStatus.FAILED, 0)
    assert ended.error is not None
    assert f"{record.folder} is gone: it was deleted or moved" in ended.error.message
    assert "Put it back and resume the run" in ended.error.cure
    store.rename(record.id, "still no ghost")
    assert not record.folder.exists()
    assert len(store.metrics(record.id).series["loss/total"]) == 10  # the store keeps them


def test_a_folder_that_is_gone_before_the_start_is_said(
    store: RunStore, new_run: NewRun, standin: ModuleType
) -> None:
    record = new_run()
    store.begin(record.id)
    shutil.rmtree(record.folder)
    ended = execute(store, record.id, Shutdown(), training=standin.small_training)
    assert ended.status is RunStatus.FAILED
    assert ended.error is not None
    assert "is gone: it was deleted or moved" in ended.error.message
    assert not record.folder.exists()


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks cannot be made; told by hand, for root may write to whatever is read-only."""

    def refuse(lock: ProcessLock, timeout: float = 0.0) -> bool:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(ProcessLock, "acquire", refuse)


def test_a_read_only_folder_is_said_with_its_cure(
    store: RunStore, new_run: NewRun, read_only: None
) -> None:
    record = new_run()
    with pytest.raises(StoreError, match="cannot be written to: Read-only file system") as raised:
        own(RunFolder(record.folder))
    assert raised.value.cure


def test_a_queued_run_waits_for_a_disk_that_is_read_only(
    store: RunStore,
    new_run: NewRun,
    standin: ModuleType,
    until: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = new_run(epochs=1)
    acquire, refused = ProcessLock.acquire, [True]

    def refuse(lock: ProcessLock, timeout: float = 0.0) -> bool:
        if refused and lock.path == RunFolder(record.folder).owner_lock:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return acquire(lock, timeout)

    monkeypatch.setattr(ProcessLock, "acquire", refuse)
    worker = Worker(store, "cpu", takes_auto=True, training=standin.small_training)
    worker.start()
    try:
        until(lambda: "waits for the disk" in store.get(record.id).phase_detail)
        refused.clear()
        until(lambda: store.get(record.id).status is RunStatus.COMPLETED)
    finally:
        worker.request_shutdown()
        worker.join()


def test_a_run_json_that_cannot_be_written_stops_nothing(
    store: RunStore, new_run: NewRun, standin: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    record = new_run()
    file = RunFolder(record.folder).run
    file.unlink()
    file.mkdir()  # nothing can take its place
    store.begin(record.id)
    ended = execute(store, record.id, Shutdown(), training=standin.small_training)
    assert ended.status is RunStatus.COMPLETED
    assert "run.json cannot be written" in caplog.text


@pytest.mark.slow
def test_a_disk_that_is_really_full(
    tmp_path: Path, standin: ModuleType, until: Callable[..., None]
) -> None:
    """A small file system of its own, filled in the middle of a run and cleared again."""
    runs_dir = tmp_path / "small"
    runs_dir.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(runs_dir)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        from delta_app.runs.description import describe_run
        from delta_app.runs.records import TRAINING

        store = RunStore(runs_dir)
        record = store.create(TRAINING, "a run", **describe_run(TRAINING, standin.small_config()))
        store.begin(record.id)
        filler = runs_dir / "filler"

        def training(config: Any, folder: Path, observer: Any, control: Any) -> Any:
            with filler.open("wb", buffering=0) as file:
                for size in (65536, 1):
                    with contextlib.suppress(OSError):
                        while True:
                            file.write(b"x" * size)
            result = standin.small_training(config, folder, observer, control)
            for number in range(2000):  # more than what is left of the files' last pages
                observer.metrics(41 + number, 5.0, {"loss/total": float(number)})
            until(lambda: observer.settle() is None)
            filler.unlink()
            return result

        ended = execute(store, record.id, Shutdown(), training=training)
        assert ended.status is RunStatus.COMPLETED
        steps = list(range(1, 2041))
        folder = RunFolder(record.folder)
        assert [each.step for each in read_journal(folder.journal)] == steps
        assert store.metrics(record.id).series["loss/total"].steps.tolist() == steps
        kept = read_run_file(folder.run)
        assert kept is not None
        assert kept.status is RunStatus.COMPLETED
        store.close()
    finally:
        subprocess.run(["umount", "-l", str(runs_dir)], check=True)

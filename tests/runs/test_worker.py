from __future__ import annotations

import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest

from delta_app.errors import DatasetError
from delta_app.runs.control import Shutdown
from delta_app.runs.folder import new_folder
from delta_app.runs.locks import DeviceLock, own
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runs.store import RunStore
from delta_app.runs.worker import Worker, devices_of_this_machine, start_worker

NewRun = Callable[..., RunRecord]
Until = Callable[..., None]
Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def worker(store: RunStore, standin: ModuleType) -> Iterator[Callable[..., Worker]]:
    """Start a worker for the CPU: worker(training)."""
    started: list[Worker] = []

    def start(training: Any = standin.small_training) -> Worker:
        worker = Worker(store, "cpu", takes_auto=True, training=training)
        worker.start()
        started.append(worker)
        return worker

    yield start
    for each in started:
        each.request_shutdown()
        each.join(30)
        assert not each.is_alive()


def all_ended(store: RunStore) -> bool:
    return all(record.status.ended for record in store.runs())


def test_runs_are_taken_first_come_first_served_one_at_a_time(
    store: RunStore, new_run: NewRun, worker: Callable[..., Worker], until: Until
) -> None:
    ids = [new_run(f"run {n}", epochs=1).id for n in range(3)]
    worker()
    until(lambda: all_ended(store))
    records = [store.get(run_id) for run_id in ids]
    assert [record.status for record in records] == [RunStatus.COMPLETED] * 3
    for before, after in pairwise(records):
        assert before.finished_at is not None
        assert after.started_at is not None
        assert before.finished_at <= after.started_at


def test_a_run_that_fails_does_not_hold_up_the_next(
    store: RunStore,
    new_run: NewRun,
    worker: Callable[..., Worker],
    until: Until,
    standin: ModuleType,
) -> None:
    bad, good = new_run("bad"), new_run("good", epochs=1)

    def training(config: Any, folder: Any, observer: Any, control: Any) -> Any:
        if folder == bad.folder:
            raise DatasetError("no pictures")
        return standin.small_training(config, folder, observer, control)

    worker(training)
    until(lambda: all_ended(store))
    assert store.get(bad.id).status is RunStatus.FAILED
    assert store.get(good.id).status is RunStatus.COMPLETED


def test_a_run_whose_folder_is_gone_does_not_hold_up_the_queue(
    store: RunStore, new_run: NewRun, worker: Callable[..., Worker], until: Until
) -> None:
    gone, good = new_run(), new_run(epochs=1)
    shutil.rmtree(gone.folder)
    worker()
    until(lambda: all_ended(store))
    failed = store.get(gone.id)
    assert failed.error is not None
    assert failed.error.message == f"The run's folder {gone.folder} is gone."
    assert store.get(good.id).status is RunStatus.COMPLETED


def test_a_shutdown_ends_the_run_within_a_step_and_keeps_the_queue(
    store: RunStore,
    new_run: NewRun,
    worker: Callable[..., Worker],
    until: Until,
    standin: ModuleType,
) -> None:
    first, second = new_run(), new_run()
    thread = worker(standin.slow_training)
    assert not thread.daemon
    until(lambda: store.get(first.id).step > 0)
    thread.request_shutdown()
    thread.join(5)
    assert not thread.is_alive()
    assert store.get(first.id).status is RunStatus.INTERRUPTED
    assert store.get(second.id).status is RunStatus.QUEUED
    assert DeviceLock(store.runs_dir, "cpu").acquire("this test")


@pytest.mark.slow
def test_the_end_of_the_main_thread_ends_worker_and_process_cleanly(
    store: RunStore, new_run: NewRun, other_process: Start, until: Until
) -> None:
    record = new_run()
    process = other_process("work")
    until(lambda: store.get(record.id).step > 0)
    assert process.stdin is not None
    process.stdin.close()  # the main thread reads its end, and returns
    assert process.wait(30) == 0
    ended = store.get(record.id)
    assert ended.status is RunStatus.INTERRUPTED
    assert ended.error is None
    assert store.events(record.id)[0].message == "Interrupted: the app ended."


def test_a_busy_device_is_waited_for_and_said(
    store: RunStore, new_run: NewRun, worker: Callable[..., Worker], until: Until
) -> None:
    device = DeviceLock(store.runs_dir, "cpu")
    assert device.acquire("the command line, process 7")
    record = new_run(epochs=1)
    worker()
    words = "waits for cpu, in use by the command line, process 7"
    until(lambda: store.get(record.id).phase_detail == words)
    assert store.get(record.id).status is RunStatus.QUEUED
    device.release()
    until(lambda: all_ended(store))
    assert store.get(record.id).phase_detail == ""


def test_the_device_is_given_to_another_process_whose_turn_it_is(
    store: RunStore,
    new_run: NewRun,
    worker: Callable[..., Worker],
    until: Until,
    standin: ModuleType,
) -> None:
    """A run of another process stands between two of the app's: it goes second."""
    first = new_run("first", epochs=1)
    folder = new_folder(store.runs_dir, "l2")
    lock = own(folder)
    assert lock is not None
    described = {
        "method": "l2",
        "method_label": "L2",
        "color": "#0072B2",
        "dataset": "d",
        "backbone": "b",
    }
    theirs = store.create(
        "training", "second", first.config, **described, folder=folder, owner="process 7"
    )
    third = new_run("third", epochs=1)
    worker()
    device = DeviceLock(store.runs_dir, "cpu")
    until(lambda: store.get(first.id).status.ended)
    until(lambda: device.acquire("process 7"))
    store.begin(theirs.id)
    time.sleep(0.3)
    assert store.get(third.id).status is RunStatus.QUEUED
    store.set_status(theirs.id, RunStatus.COMPLETED, expected=RunStatus.RUNNING)
    lock.release()
    device.release()
    until(lambda: store.get(third.id).status is RunStatus.COMPLETED)


def test_a_dead_process_in_the_line_is_passed_by(
    store: RunStore, new_run: NewRun, worker: Callable[..., Worker], until: Until
) -> None:
    dead, next_one = new_run(), new_run(epochs=1)
    store.update(dead.id, owner="a process that is gone")
    worker()
    until(lambda: store.get(next_one.id).status is RunStatus.COMPLETED)
    assert store.get(dead.id).status is RunStatus.INTERRUPTED


@pytest.mark.slow
def test_app_and_command_line_take_turns_on_one_device(
    store: RunStore, new_run: NewRun, other_process: Start, until: Until
) -> None:
    mine = new_run(epochs=5000)  # until it is stopped
    app = other_process("work")
    until(lambda: store.get(mine.id).step > 0)
    other_process("foreground")
    until(lambda: len(store.runs()) == 2)
    theirs = store.runs()[0]
    words = f"waits for cpu, in use by the app, process {app.pid}"
    until(lambda: store.get(theirs.id).phase_detail == words)
    assert store.get(theirs.id).queue_position == 1
    store.request(mine.id, "stop")
    until(lambda: store.get(theirs.id).status is RunStatus.RUNNING)
    assert store.get(mine.id).status is RunStatus.STOPPED
    until(lambda: store.get(theirs.id).step > 0)
    store.request(theirs.id, "stop")
    until(lambda: store.get(theirs.id).status is RunStatus.STOPPED)


def test_starting_twice_starts_once(store: RunStore, until: Until) -> None:
    workers = start_worker(store.runs_dir)
    try:
        assert start_worker(store.runs_dir) is workers
        assert {thread.device for thread in workers.threads} == set(devices_of_this_machine())
        assert "cpu" in devices_of_this_machine()
        names = [thread.name for thread in threading.enumerate()]
        assert names.count("delta-worker-cpu") == 1
    finally:
        workers.request_shutdown()
        assert workers.join(30)
    again = start_worker(store.runs_dir)
    assert again is not workers
    again.request_shutdown()
    assert again.join(30)


def test_starting_tidies_up_after_a_process_that_died(store: RunStore, new_run: NewRun) -> None:
    record = new_run()
    store.claim(record.id, "a process that is gone")
    left = store.runs_dir / ".deleted-l2-abc123-1"
    left.mkdir()
    (left / "best.safetensors").write_bytes(b"x")
    workers = start_worker(store.runs_dir)
    workers.request_shutdown()
    assert workers.join(30)
    assert store.get(record.id).status is RunStatus.INTERRUPTED
    assert not left.exists()


@pytest.mark.slow
def test_sigterm_to_a_waiting_and_a_running_command_line_run(
    store: RunStore, other_process: Start, until: Until
) -> None:
    process = other_process("foreground")
    until(lambda: store.runs() and store.runs()[0].step > 0)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert out.split()[-1] == "interrupted"


def test_shutdown_is_asked_for_or_follows_the_main_thread() -> None:
    shutdown = Shutdown()
    assert not shutdown.requested
    assert not shutdown.wait(0.01)
    threading.Timer(0.05, shutdown.request).start()
    started = time.monotonic()
    assert shutdown.wait(30)
    assert time.monotonic() - started < 10

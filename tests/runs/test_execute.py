from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from delta_app.errors import Cancelled, DatasetError
from delta_app.runs import database
from delta_app.runs.control import Shutdown
from delta_app.runs.execute import execute
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import ATTENTION, RunRecord, RunStatus
from delta_app.runs.store import STORE_FILE, RunStore
from delta_app.training.final_test import RunResult
from delta_app.training.observer import Silent

NewRun = Callable[..., RunRecord]


@pytest.fixture
def running(store: RunStore, new_run: NewRun) -> RunRecord:
    record = new_run()
    store.begin(record.id)
    return record


def test_a_run_s_end_stands_in_its_columns(
    store: RunStore, running: RunRecord, standin: ModuleType
) -> None:
    ended = execute(store, running.id, Shutdown(), training=standin.small_training)
    assert ended.status is RunStatus.COMPLETED
    assert (ended.epoch, ended.epochs, ended.step) == (4, 4, 40)
    assert (ended.val_top1, ended.best_epoch) == (0.54, 4)
    assert (ended.test_top1, ended.test_balanced, ended.test_evaluations) == (0.75, 0.7, 1)
    assert (ended.phase, ended.phase_done, ended.phase_total) == ("training", 40, 40)
    assert ended.facts["classes"] == 3
    assert ended.seconds is not None
    assert 0.2 <= ended.seconds <= ended.finished_at - ended.started_at + 0.05
    assert (ended.owner, ended.request, ended.error) == (None, None, None)
    loss = store.metrics(running.id).series["loss/total"]
    np.testing.assert_array_equal(loss.steps, np.arange(1, 41))
    np.testing.assert_array_equal(loss.values, 1 / np.arange(1, 41))
    log = RunFolder(ended.folder).log.read_text().splitlines()
    assert len(log) == len(store.events(running.id)) == 5
    assert log[0].endswith(" info    Epoch 1 ended.")
    assert log[-1].endswith("Completed.")


def test_what_is_measured_can_be_seen_while_the_run_goes_on(
    store: RunStore, running: RunRecord, until: Callable[..., None]
) -> None:
    seen = threading.Event()

    def training(config: Any, folder: Path, observer: Any, control: Any) -> Any:
        observer.metrics(1, 0.1, {"loss/total": 2.0})
        for done in range(1000):  # far more often than it can be written
            observer.phase("measuring attention", done, 1000, "472 filters")
        assert seen.wait(60)
        raise Cancelled

    thread = threading.Thread(
        target=execute, args=(store, running.id, Shutdown()), kwargs={"training": training}
    )
    thread.start()
    until(lambda: store.get(running.id).phase_done == 999)  # the last one of a burst
    assert store.metrics(running.id).series["loss/total"].values.tolist() == [2.0]
    seen.set()
    thread.join()
    assert store.get(running.id).status is RunStatus.STOPPED


def test_stop_is_asked_for_in_the_store(
    store: RunStore, running: RunRecord, standin: ModuleType
) -> None:
    store.request(running.id, "stop")
    ended = execute(store, running.id, Shutdown(), training=standin.small_training)
    assert (ended.status, ended.step, ended.request) == (RunStatus.STOPPED, 0, None)


def test_the_process_s_end_interrupts(
    store: RunStore, running: RunRecord, standin: ModuleType
) -> None:
    shutdown = Shutdown()
    threading.Timer(0.1, shutdown.request).start()
    ended = execute(store, running.id, shutdown, training=standin.slow_training)
    assert ended.status is RunStatus.INTERRUPTED
    assert ended.step < 10


@pytest.mark.parametrize("raises", [True, False])
def test_the_process_s_end_stops_what_is_worth_keeping_as_far_as_it_came(
    store: RunStore, running: RunRecord, raises: bool
) -> None:
    shutdown = Shutdown("stop")
    shutdown.request()
    asked = []

    def training(config: Any, folder: Path, observer: Any, control: Any) -> Any:
        asked.append(control.request())
        if raises:
            raise Cancelled
        return RunResult("stopped")

    assert execute(store, running.id, shutdown, training=training).status is RunStatus.STOPPED
    assert asked == ["stop"]


def raising(error: BaseException) -> Callable[..., Any]:
    def training(config: Any, folder: Path, observer: Any, control: Any) -> Any:
        observer.event("info", "So far so good.")
        raise error

    return training


def test_a_person_s_mistake_fails_the_run_with_message_cure_and_log(
    store: RunStore, running: RunRecord
) -> None:
    error = DatasetError("No classes in /pictures.", cure="Choose the folder above.")
    ended = execute(store, running.id, Shutdown(), training=raising(error))
    assert ended.status is RunStatus.FAILED
    assert ended.error is not None
    assert ended.error.message == "No classes in /pictures."
    assert ended.error.cure == "Choose the folder above."
    assert "So far so good." in ended.error.log_tail
    assert "DatasetError: No classes in /pictures." in ended.error.log_tail
    assert "Traceback" in RunFolder(ended.folder).log.read_text()
    words = [event.message for event in store.events(running.id)]
    assert "No classes in /pictures. Choose the folder above." in words
    assert not any("Traceback" in each for each in words)


def test_a_programmer_s_mistake_fails_the_run_too(store: RunStore, running: RunRecord) -> None:
    ended = execute(store, running.id, Shutdown(), training=raising(ZeroDivisionError("by 0")))
    assert ended.status is RunStatus.FAILED
    assert ended.error is not None
    assert ended.error.message == "ZeroDivisionError: by 0"
    assert "report it" in ended.error.cure
    assert "raise error" in ended.error.log_tail


def test_what_breaks_because_the_process_ends_is_no_failure(
    store: RunStore, running: RunRecord
) -> None:
    shutdown = Shutdown()
    shutdown.request()
    error = RuntimeError("cannot schedule new futures after interpreter shutdown")
    assert execute(store, running.id, shutdown, training=raising(error)).status is (
        RunStatus.INTERRUPTED
    )


def test_ctrl_c_inside_a_step_interrupts_and_goes_on_up(
    store: RunStore, running: RunRecord
) -> None:
    with pytest.raises(KeyboardInterrupt):
        execute(store, running.id, Shutdown(), training=raising(KeyboardInterrupt()))
    assert store.get(running.id).status is RunStatus.INTERRUPTED


def test_settings_that_do_not_fit_any_more_fail_the_run(
    store: RunStore, running: RunRecord, standin: ModuleType
) -> None:
    config = json.loads(json.dumps(running.config))
    config["optimization"]["lr"] = -1
    store.update(running.id, config=config)
    ended = execute(store, running.id, Shutdown(), training=standin.small_training)
    assert ended.error is not None
    assert ended.error.message.startswith("lr: Input should be greater than 0, got -1")


def test_a_run_of_kind_attention_gets_the_settings_inside(
    store: RunStore, standin: ModuleType
) -> None:
    from delta_app.runs.description import describe_run

    described = describe_run(ATTENTION, standin.small_config(epochs=2))
    record = store.create(ATTENTION, "attention", **described)
    assert record.id.startswith("attention-")
    store.begin(record.id)
    assert execute(store, record.id, Shutdown(), training=standin.small_training).step == 20


@pytest.mark.slow
@pytest.mark.parametrize("patience", [5.0, 0.1])
def test_a_store_that_is_locked_for_seconds_loses_nothing_and_holds_nothing_up(
    store: RunStore,
    running: RunRecord,
    standin: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    patience: float,
) -> None:
    """Locked by another connection for 3 s, from the middle of the run to after its end."""
    store.close()
    monkeypatch.setattr(database, "BUSY_SECONDS", patience)
    store = RunStore(store.runs_dir)
    longest = 0.0
    locked, unlock = threading.Event(), threading.Event()

    def hold() -> None:
        other = sqlite3.connect(store.runs_dir / STORE_FILE, isolation_level=None, timeout=10)
        other.execute("begin immediate")
        locked.set()
        unlock.wait(3.0)
        other.execute("rollback")
        other.close()

    holder = threading.Thread(target=hold)

    class Timed:
        """Measures how long each call of the loop takes."""

        def __init__(self, observer: Any) -> None:
            self._observer = observer

        def __getattr__(self, name: str) -> Any:
            inner = getattr(self._observer, name)

            def call(*arguments: Any) -> None:
                nonlocal longest
                started = time.monotonic()
                inner(*arguments)
                longest = max(longest, time.monotonic() - started)

            return call

    def training(config: Any, folder: Path, observer: Any, control: Any) -> Any:
        holder.start()
        assert locked.wait(30)
        return standin.small_training(config, folder, Timed(observer), control)

    started = time.monotonic()
    ended = execute(store, running.id, Shutdown(), training=training)
    holder.join()
    assert time.monotonic() - started > 2.9  # it was locked when the run was done
    assert ended.status is RunStatus.COMPLETED
    assert store.metrics(running.id).series["loss/total"].steps.tolist() == list(range(1, 41))
    assert [e.message for e in reversed(store.events(running.id))][:4] == [
        f"Epoch {number} ended." for number in range(1, 5)
    ]
    assert ended.test_top1 == 0.75
    assert longest < 2.0  # a call waits for no lock; what is measured here is a busy machine
    if patience < 1:
        assert "Kept in memory until" in RunFolder(ended.folder).log.read_text()
    store.close()


def test_an_observer_that_fails_disturbs_nobody(
    store: RunStore, running: RunRecord, standin: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    class Broken(Silent):
        def event(self, level: Any, message: str) -> None:
            raise BrokenPipeError

        def facts(self, values: Mapping[str, object]) -> None:
            told.extend(values)

    with caplog.at_level(logging.CRITICAL):
        ended = execute(
            store, running.id, Shutdown(), training=standin.small_training, also=[Broken()]
        )
    assert ended.status is RunStatus.COMPLETED
    assert "test_top1" in told


def test_no_thread_is_left_behind(store: RunStore, running: RunRecord, standin: ModuleType) -> None:
    before = set(threading.enumerate())
    execute(store, running.id, Shutdown(), training=standin.small_training)
    assert set(threading.enumerate()) <= before


def test_numbers_told_are_on_disk_before_a_checkpoint_rests_on_them(
    store: RunStore, running: RunRecord
) -> None:
    folder = RunFolder(running.folder)

    def training(config: Any, path: Path, observer: Any, control: Any) -> Any:
        observer.rewind(0)
        for step in (1, 2):
            observer.metrics(step, step / 10, {"loss/total": 1 / step})
        assert observer.settle() == 2
        assert len(folder.journal.read_text().splitlines()) == 2
        for step in (3, 4):
            observer.metrics(step, step / 10, {"loss/total": 9.0})
        observer.rewind(2)  # as a resumed run does
        observer.metrics(3, 0.3, {"loss/total": 1 / 3})
        return RunResult("completed")

    execute(store, running.id, Shutdown(), training=training)
    values = store.metrics(running.id).series["loss/total"].values.tolist()
    assert values == [1.0, 1 / 2, 1 / 3]
    lines = folder.journal.read_text().splitlines()
    assert [json.loads(line)[2]["loss/total"] for line in lines] == values


def test_a_resumed_run_adds_to_what_it_worked(
    store: RunStore, running: RunRecord, standin: ModuleType
) -> None:
    paused = execute(store, running.id, Shutdown(), training=lambda c, f, o, w: RunResult("paused"))
    assert (paused.status, paused.owner) == (RunStatus.PAUSED, None)
    store.put_back(running.id)
    store.begin(running.id)
    store.update(running.id, seconds=100.0)
    ended = execute(store, running.id, Shutdown(), training=standin.small_training)
    assert ended.status is RunStatus.COMPLETED
    assert 100.1 < (ended.seconds or 0) < 130

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable

import pytest

from delta_app.runs.folder import RunFolder
from delta_app.runs.locks import own
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runs.recover import recover
from delta_app.runs.store import RunStore

NewRun = Callable[..., RunRecord]
Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.mark.slow
def test_a_run_whose_process_was_killed_is_interrupted_and_keeps_what_it_measured(
    store: RunStore, other_process: Start, until: Callable[..., None]
) -> None:
    process = other_process("foreground")
    until(lambda: store.runs() and store.runs()[0].step >= 5)
    run_id = store.runs()[0].id
    until(lambda: store.metrics(run_id).series)
    assert recover(store) == []  # it lives
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert [record.id for record in recover(store)] == [run_id]
    record = store.get(run_id)
    assert record.status is RunStatus.INTERRUPTED
    assert record.owner is None
    assert record.step >= 5
    assert record.started_at is not None
    assert record.finished_at is not None
    assert record.seconds == pytest.approx(record.finished_at - record.started_at)
    assert f"process {process.pid}) ended" in store.events(run_id)[0].message
    assert store.metrics(run_id).series["loss/total"].values[0] == 1.0
    assert recover(store) == []


@pytest.mark.slow
def test_after_the_app_was_killed_its_queue_is_there_and_another_app_works_it_off(
    store: RunStore, new_run: NewRun, other_process: Start, until: Callable[..., None]
) -> None:
    first, second, third = (new_run(name) for name in ("first", "second", "third"))
    killed = other_process("work")
    until(lambda: store.get(first.id).step >= 3)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert [record.id for record in recover(store)] == [first.id]
    assert store.get(first.id).status is RunStatus.INTERRUPTED
    waiting = [store.get(record.id) for record in (second, third)]
    assert [record.status for record in waiting] == [RunStatus.QUEUED] * 2
    assert [record.queue_position for record in waiting] == [1, 2]

    next_one = other_process("work")
    until(lambda: store.get(second.id).step >= 1)
    assert store.get(first.id).status is RunStatus.INTERRUPTED, "it is resumed when asked for"
    assert store.put_back(first.id).queue_position == 1
    assert store.get(third.id).queue_position == 2
    until(lambda: all(store.get(each.id).status.ended for each in (first, second, third)), 300)
    ended = [store.get(each.id) for each in (second, first, third)]
    assert [record.status for record in ended] == [RunStatus.COMPLETED] * 3
    finished = [record.finished_at or 0.0 for record in ended]
    assert finished == sorted(finished), "the resumed run went before the one behind it"
    assert next_one.poll() is None
    assert ended[1].started_at is not None
    assert ended[1].resumed_at is not None
    assert ended[1].started_at < ended[1].resumed_at


@pytest.mark.slow
def test_two_apps_and_a_command_line_never_run_a_run_twice(
    store: RunStore, new_run: NewRun, other_process: Start, until: Callable[..., None]
) -> None:
    for number in range(3):
        new_run(f"run {number}", epochs=1)
    apps = [other_process("work") for _ in range(2)]
    until(lambda: any(record.step for record in store.runs()))
    other_process("foreground")
    until(lambda: len(store.runs()) == 4)
    until(lambda: all(record.status.ended for record in store.runs()), 300)
    for record in store.runs():
        assert record.status is RunStatus.COMPLETED
        steps = store.metrics(record.id).series["loss/total"].steps.tolist()
        assert steps == list(range(1, record.epochs * 10 + 1)), "each step once"
        said = [event.message for event in store.events(record.id)]
        assert said.count("Completed.") == 1
    assert all(app.poll() is None for app in apps)


def test_a_run_with_a_living_owner_is_left_alone(store: RunStore, new_run: NewRun) -> None:
    record = new_run()
    lock = own(RunFolder(record.folder))
    assert lock is not None
    store.claim(record.id, "me")
    store.update(record.id, started_at=0.0, phase_at=0.0)  # a clock set back tells nothing
    assert recover(store) == []
    lock.release()
    assert [each.id for each in recover(store)] == [record.id]


def test_runs_that_nobody_took_yet_are_left_in_the_queue(store: RunStore, new_run: NewRun) -> None:
    free, waiting = new_run(), new_run()
    store.update(waiting.id, owner="a process that is gone")
    assert [each.id for each in recover(store)] == [waiting.id]
    assert store.get(free.id).status is RunStatus.QUEUED
    assert store.get(waiting.id).status is RunStatus.INTERRUPTED
    assert store.get(waiting.id).seconds is None

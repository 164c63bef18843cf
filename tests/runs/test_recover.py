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

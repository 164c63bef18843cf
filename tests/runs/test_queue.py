from __future__ import annotations

from collections.abc import Callable

import pytest

from delta_app.errors import RunError
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runs.store import RunStore

NewRun = Callable[..., RunRecord]


def line(store: RunStore) -> list[str]:
    queued = store.runs(status=RunStatus.QUEUED)
    return [run.id for run in sorted(queued, key=lambda run: run.queue_position or 0)]


def end(store: RunStore, run: RunRecord, status: RunStatus) -> None:
    store.claim(run.id, "me")
    store.set_status(
        run.id,
        status,
        expected=RunStatus.RUNNING,
        owner=None,
        finished_at=9.0,
        seconds=4.0,
        error_message="no",
    )


def test_pausing_takes_a_waiting_run_out_and_asks_a_running_one(
    store: RunStore, new_run: NewRun
) -> None:
    running, waiting, last = new_run(), new_run(), new_run()
    store.claim(running.id, "me")
    assert store.request(running.id, "pause").pausing
    paused = store.request(waiting.id, "pause")
    assert (paused.status, paused.queue_position) == (RunStatus.PAUSED, None)
    assert line(store) == [last.id]
    with pytest.raises(RunError, match="is paused already"):
        store.request(waiting.id, "pause")


@pytest.mark.parametrize("status", ["paused", "interrupted", "failed", "stopped", "completed"])
def test_what_is_put_back_stands_in_front_as_new(
    store: RunStore, new_run: NewRun, status: str
) -> None:
    run, second, third = new_run(), new_run(), new_run()
    end(store, run, RunStatus(status))
    back = store.put_back(run.id)
    assert line(store) == [run.id, second.id, third.id]
    assert (back.status, back.request, back.error, back.finished_at) == (
        RunStatus.QUEUED,
        None,
        None,
        None,
    )
    assert back.seconds == 4.0
    assert store.next_in_line("cpu", takes_auto=True) == back
    with pytest.raises(RunError, match="is queued, expected"):
        store.put_back(run.id)


def test_the_last_put_back_is_the_first(store: RunStore, new_run: NewRun) -> None:
    one, two, three = new_run(), new_run(), new_run()
    for run in (one, two):
        end(store, run, RunStatus.PAUSED)
        store.put_back(run.id)
    assert line(store) == [two.id, one.id, three.id]


def test_a_resumed_run_goes_on_from_when_it_first_began_and_adds_up_its_time(
    store: RunStore, new_run: NewRun
) -> None:
    run = new_run()
    store.claim(run.id, "me")
    store.update(run.id, started_at=100.0, resumed_at=100.0)
    assert store.get(run.id).worked(130.0) == 30.0
    store.set_status(run.id, RunStatus.PAUSED, expected=RunStatus.RUNNING, owner=None, seconds=30.0)
    assert store.get(run.id).worked(900.0) == 30.0
    store.put_back(run.id)
    store.update(run.id, phase="testing", phase_done=9, phase_total=9, phase_at=30.0)
    assert store.claim(run.id, "me")
    again = store.get(run.id)
    assert (again.phase, again.phase_done, again.phase_total, again.phase_at) == ("", 0, None, None)
    assert again.started_at == 100.0
    assert again.resumed_at is not None
    assert again.worked(again.resumed_at + 5.0) == 35.0
    assert again.worked(again.resumed_at - 50.0) == 30.0  # a clock set back


def test_stopping_a_held_run_puts_it_in_front_to_test_what_it_has(
    store: RunStore, new_run: NewRun
) -> None:
    run, other, never = new_run(), new_run(), new_run()
    end(store, run, RunStatus.PAUSED)
    back = store.request(run.id, "stop")
    assert (back.status, back.request) == (RunStatus.QUEUED, "stop")
    assert back.stopping
    with pytest.raises(RunError, match="is stopping already"):
        store.request(run.id, "pause")
    assert line(store) == [run.id, other.id, never.id]
    assert store.claim(run.id, "me")
    assert store.get(run.id).stopping
    store.request(never.id, "pause")
    assert store.request(never.id, "stop").status is RunStatus.STOPPED


def test_a_run_is_moved_within_the_line(store: RunStore, new_run: NewRun) -> None:
    one, two, three = new_run(), new_run(), new_run()
    assert store.move(three.id, 1).queue_position == 1
    assert line(store) == [three.id, one.id, two.id]
    store.move(three.id, 2)
    assert line(store) == [one.id, three.id, two.id]
    assert store.move(one.id, 99).queue_position == 3
    assert line(store) == [three.id, two.id, one.id]
    end(store, three, RunStatus.COMPLETED)
    with pytest.raises(RunError, match="is completed, and in no line"):
        store.move(three.id, 1)
    late = new_run()
    assert line(store) == [two.id, one.id, late.id]


def test_only_one_of_two_puts_a_run_back(store: RunStore, new_run: NewRun) -> None:
    run = new_run()
    end(store, run, RunStatus.INTERRUPTED)
    store.put_back(run.id, owner="the command line, process 7")
    with pytest.raises(RunError):
        store.put_back(run.id, owner="the app, process 8")
    assert not store.claim(run.id, "the app, process 8")
    assert store.get(run.id).owner == "the command line, process 7"

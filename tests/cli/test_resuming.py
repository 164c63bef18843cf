"""`runs pause`, `runs resume` and `runs move`: what they print, what they end with, what they
refuse."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_process import disturbed

from delta_app.runs.folder import RunFolder
from delta_app.runs.locks import own
from delta_app.runs.opened import opened
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.services import runs
from delta_app.training.run_config import RunConfig

pytestmark = pytest.mark.slow

Say = Callable[..., Any]
Trained = tuple[list[str], dict[str, Any]]


@pytest.fixture
def waiting(tmp_path: Path, shapes: Path) -> tuple[list[str], list[str]]:
    """Three runs that wait: the option that names their store, their ids."""
    where = tmp_path / "runs"
    values = {"method": "l2", "data": str(shapes), "backbone": "resnet18", "weights": "random"}
    ids = [runs.submit(RunConfig.from_flat(values), runs_dir=where) for _ in range(3)]
    return ["--runs-dir", str(where)], ids


def put(where: list[str], run_id: str, status: RunStatus, **row: Any) -> None:
    """Give a run a state, as if it had come to it."""
    opened(Path(where[1])).set_status(run_id, status, expected=list(RunStatus), **row)


def queue(where: list[str]) -> list[str]:
    return [run.id for run in runs.queue(runs.list_runs(runs_dir=where[1]))]


def the_error(said: Any) -> str:
    """What a refused command says: one line, and an exit code of 1."""
    assert said.code == 1
    (line,) = said.err.splitlines()
    assert line.startswith("error: ")
    return str(line)


# Pause


def test_a_waiting_run_leaves_the_queue(say: Say, waiting: tuple[list[str], list[str]]) -> None:
    where, (first, second, third) = waiting
    said = say("runs", "pause", second, *where)
    assert (said.code, said.out) == (0, f"{second} is paused.\n")
    assert queue(where) == [first, third]
    said = say("runs", "pause", first, "--json", *where).last_json
    assert (said["run"], said["status"], said["pausing"]) == (first, "paused", False)
    listed = say("runs", "list", "--json", *where).last_json["runs"]
    assert {run["run"]: run["status"] for run in listed} == {
        first: "paused",
        second: "paused",
        third: "queued",
    }
    assert say("runs", "list", *where).out.count("paused") == 2


def test_a_running_run_is_asked_to_pause(say: Say, waiting: tuple[list[str], list[str]]) -> None:
    where, (first, *_) = waiting
    lock = own(RunFolder(Path(where[1]) / first))
    assert lock is not None
    put(where, first, RunStatus.RUNNING)
    try:
        said = say("runs", "pause", first, "--json", *where)
        assert (said.code, said.last_json["status"], said.last_json["pausing"]) == (
            0,
            "running",
            True,
        )
        assert runs.get_run(first, where[1]).pausing
        again = say("runs", "pause", first, *where)
        assert f"{first} is pausing: it finishes this step and keeps where it is." in again.out
        assert say("runs", "stop", first, *where).code == 0
        assert "is stopping already" in the_error(say("runs", "pause", first, *where))
    finally:
        lock.release()


def test_what_has_ended_is_not_paused(say: Say, trained: Trained) -> None:
    where, _ = trained
    line = the_error(say("runs", "pause", "first", *where))
    assert "Run 'first' is completed: it has ended already." in line


# Move


def test_a_run_is_moved_in_the_queue(say: Say, waiting: tuple[list[str], list[str]]) -> None:
    where, (first, second, third) = waiting
    said = say("runs", "move", third, *where)
    assert (said.code, said.out) == (0, f"{third} is number 1 in the queue.\n")
    assert queue(where) == [third, first, second]
    said = say("runs", "move", third, "--to", "3", "--json", *where)
    assert said.last_json == {"run": third, "queue_position": 3}
    assert queue(where) == [first, second, third]
    assert say("runs", "move", first, "--to", "99", "--json", *where).last_json == {
        "run": first,
        "queue_position": 3,
    }
    say("runs", "pause", first, *where)
    assert "is paused, and in no line" in the_error(say("runs", "move", first, *where))


@pytest.mark.parametrize("place", ["0", "-1", "two", "1.5"])
def test_a_place_is_a_whole_number(
    place: str, say: Say, waiting: tuple[list[str], list[str]]
) -> None:
    where, (first, *_) = waiting
    said = say("runs", "move", first, f"--to={place}", *where)
    assert said.code == 2
    assert "expected a place in the queue from 1" in said.err


# Resume


def test_a_completed_run_is_continued_and_ends_as_train_does(say: Say, trained: Trained) -> None:
    where, result = trained
    said = say("runs", "resume", "first", "--epochs", "1", "--json", *where)
    assert said.code == 0, said.err
    assert len(said.out.splitlines()) == 1
    assert list(said.last_json) == list(result)
    assert (said.last_json["run"], said.last_json["status"]) == (result["run"], "completed")
    assert said.last_json["seconds"] > result["seconds"]
    assert "Epoch 3 of 3" in said.err
    assert "Epoch 2 of 3" not in said.err
    run: RunRecord = runs.get_run(result["run"], where[1])
    assert (run.epoch, run.epochs, run.test_evaluations) == (3, 3, 2)


def test_a_broken_off_run_goes_on(say: Say, trained: Trained) -> None:
    where, result = trained
    put(where, result["run"], RunStatus.INTERRUPTED)
    said = say("runs", "resume", "first", *where)
    assert said.code == 0, said.err
    (line,) = said.out.splitlines()
    assert line.startswith(f"{result['run']}: completed, epoch ")


@pytest.mark.parametrize(
    ("epochs", "words"),
    [
        ([], "nothing is left to do. Continue it for more epochs."),
        (["--epochs", "0"], "expected epochs from 1 to 10000, got '0'"),
    ],
)
def test_what_is_complete_asks_for_epochs(
    epochs: list[str], words: str, say: Say, trained: Trained
) -> None:
    where, result = trained
    said = say("runs", "resume", "first", *epochs, *where)
    assert (said.code, words in said.err) == (2 if epochs else 1, True)
    assert runs.get_run(result["run"], where[1]).status is RunStatus.COMPLETED


def test_what_waits_or_is_worked_on_is_not_resumed(
    say: Say, waiting: tuple[list[str], list[str]]
) -> None:
    where, (first, second, _) = waiting
    assert "is queued already" in the_error(say("runs", "resume", first, *where))
    more = the_error(say("runs", "resume", first, "--epochs", "2", *where))
    assert "only a training run that is complete is continued" in more
    put(where, second, RunStatus.PAUSED)
    lock = own(RunFolder(Path(where[1]) / second))
    assert lock is not None
    try:
        line = the_error(say("runs", "resume", second, *where))
        assert "cannot be resumed here: another process works on it" in line
        assert runs.get_run(second, where[1]).status is RunStatus.PAUSED
    finally:
        lock.release()
    assert "No run is called 'nobody'" in the_error(say("runs", "resume", "nobody", *where))


def test_a_run_that_fails_again_says_why_and_ends_with_1(
    say: Say, trained: Trained, tmp_path: Path
) -> None:
    where, result = trained
    put(where, result["run"], RunStatus.INTERRUPTED)
    (tmp_path / "runs" / result["run"] / "last.ckpt").write_bytes(b"cut off")
    said = say("runs", "resume", "first", "--json", *where)
    assert said.code == 1
    assert (list(said.last_json), said.last_json["status"]) == (list(result), "failed")
    assert "last.ckpt is damaged" in said.err.splitlines()[-1]
    assert "Traceback" not in said.err


@pytest.mark.parametrize("how", ["SIGINT", "pause"])
def test_the_command_that_is_told_at_the_end_goes_on(
    how: str, small: list[str], tmp_path: Path, say: Say
) -> None:
    where = ["--runs-dir", str(tmp_path / "runs")]

    def act(process: Any) -> None:
        if how == "SIGINT":
            process.send_signal(signal.SIGINT)
        else:
            (run,) = runs.list_runs(runs_dir=where[1])
            said = say("runs", "pause", run.id, "--json", *where)
            assert (said.code, said.last_json["pausing"]) == (0, True), said.err

    words = ["train", *small, "--method", "l2", "--epochs", "60", *where, "--json"]
    first = disturbed(words, tmp_path, lambda log: "Epoch 2 of" in log, act)
    assert first.code == (130 if how == "SIGINT" else 0), first.log
    ended = "interrupted" if how == "SIGINT" else "paused"
    assert f'"status": "{ended}"' in first.out
    command = first.log.splitlines()[-1].partition("It goes on with: ")[2]
    program, options = shlex.split(command)[:3], shlex.split(command)[3:]
    assert program == ["python", "-m", "delta_app"]
    said = say(*options, "--json")
    assert said.code == 0, said.err
    assert said.last_json["status"] == "completed"
    assert "Goes on after step" in said.err
    assert "Epoch 60 of 60" in said.err

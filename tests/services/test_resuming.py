"""Pausing, resuming and continuing as pages and command line ask for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn import draw_folder
from small_runs import SmallRuns, copied, small_config

from delta_app.errors import RunError
from delta_app.formatting import THIN_SPACE
from delta_app.runs.opened import opened
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runs.worker import Worker
from delta_app.services import resuming, runs
from delta_app.training import metric_names as names
from delta_app.training.run_config import RunConfig
from delta_app.training.weights_files import load_saved

TIMED = {names.PICTURES_PER_SECOND, names.MEMORY_BYTES}


@pytest.fixture
def runs_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DELTA_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("DELTA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "runs"


@pytest.fixture
def small(runs_dir: Path) -> SmallRuns:
    return copied(runs_dir)


@pytest.fixture
def worker(runs_dir: Path) -> Iterator[None]:
    """The app's worker for the CPU."""
    thread = Worker(opened(runs_dir), "cpu", takes_auto=True)
    thread.start()
    yield
    thread.request_shutdown()
    thread.join(60)
    assert not thread.is_alive()


def until(condition: Callable[[], object], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def put(run_id: str, status: str, **row: Any) -> RunRecord:
    """Give a run a state and what else its row holds."""
    store = opened(Path(runs.get_run(run_id).folder).parent)
    store.set_status(run_id, RunStatus(status), expected=list(RunStatus), **row)
    return store.get(run_id)


def line() -> list[str]:
    return [run.id for run in runs.queue(runs.list_runs())]


def measured(run_id: str) -> dict[str, Any]:
    """Every number of a run that does not hang on the clock."""
    return {
        name: (series.steps, series.values)
        for name, series in runs.curves(run_id).items()
        if name not in TIMED
    }


# Words


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"schedule": "constant", "lr": 0.03}, "The learning rate stays at 0.03."),
        (
            {"schedule": "step", "lr": 0.03, "step_at": 0.5, "decay": 0.1},
            "The step schedule runs anew: it begins at 0.03 again, and after "
            f"50{THIN_SPACE}% of these steps is 0.003.",
        ),
        (
            {"schedule": "exponential", "lr": 0.03, "decay": 0.1},
            "The exponential schedule runs anew: it begins at 0.03 again and falls to 0.003.",
        ),
        (
            {"schedule": "cosine", "lr": 0.03},
            "The cosine schedule runs anew: it begins at 0.03 again and falls to 0.",
        ),
    ],
    ids=lambda each: each.get("schedule") if isinstance(each, dict) else "",
)
def test_what_continuing_does_is_said_for_every_schedule(
    settings: dict[str, Any], said: str, runs_dir: Path, tmp_path: Path
) -> None:
    run_id = runs.submit(small_config(tmp_path, "l2", epochs=6, **settings))
    run = put(run_id, "completed", epochs=6, facts={"steps_per_epoch": 3})
    assert resuming.continue_words(run, 2) == (
        f"Epochs 7 to 8 (6 steps), from where the last one ended, momentum and all. {said} "
        "The best epoch of all is kept, and the test pictures are evaluated once more."
    )
    assert resuming.continue_words(run, 1).startswith("Epoch 7 (3 steps), from where")


def test_a_third_of_what_it_had_is_offered(small: SmallRuns) -> None:
    run = runs.get_run(small.l2)
    assert run.epochs == 2
    assert resuming.usual_epochs(run) == 1
    assert resuming.usual_epochs(put(small.l2, "completed", epochs=0)) == 1
    assert resuming.usual_epochs(put(small.l2, "completed", epochs=30)) == 10


def test_what_resuming_does_hangs_on_what_there_is(small: SmallRuns) -> None:
    paused = put(small.l2, "paused", step=4, test_evaluations=0)
    assert resuming.resume_words(paused) == (
        "Goes on from its last checkpoint; it had come to step 4."
    )
    tested = put(small.l2, "stopped", step=4, test_evaluations=1)
    assert resuming.resume_words(tested).endswith(" The test pictures are evaluated once more.")
    all_done = put(small.l2, "interrupted", step=6)
    assert "all its steps are done, the test is left" in resuming.resume_words(all_done)
    (small.folder(small.l2) / "last.ckpt").unlink()
    assert "it has not come to a checkpoint" in resuming.resume_words(all_done)
    (small.folder(small.l2) / "measuring.ckpt").touch()
    assert resuming.resume_words(all_done) == "Goes on with measuring its attention."
    measuring = put(runs.submit_attention_of(small.delta), "paused")
    assert resuming.resume_words(measuring) == "Begins: it has not run yet."
    measuring = put(measuring.id, "paused", started_at=1.0)
    assert resuming.resume_words(measuring) == "Begins again."
    (small.folder(measuring.id) / "measuring.ckpt").touch()
    assert resuming.resume_words(measuring) == "Goes on with the batches that are left."


def test_the_command_names_the_epochs_and_the_folder(small: SmallRuns) -> None:
    run = runs.get_run(small.l2)
    plain = f"python -m delta_app runs resume {run.id}"
    assert resuming.resume_command(run) == plain
    assert (
        resuming.resume_command(run, 3, "/my runs") == f"{plain} --epochs 3 --runs-dir '/my runs'"
    )


# What can be done, and what is refused


@pytest.mark.parametrize(
    ("status", "row", "resumes", "continues"),
    [
        ("queued", {}, False, False),
        ("paused", {}, True, False),
        ("interrupted", {}, True, False),
        ("failed", {}, True, False),
        ("stopped", {"step": 4}, True, False),
        ("stopped", {"step": 6}, False, False),
        ("stopped", {"started_at": None}, True, False),
        ("completed", {}, False, True),
    ],
)
def test_what_can_be_done_in_each_state(
    status: str, row: dict[str, Any], resumes: bool, continues: bool, small: SmallRuns
) -> None:
    run = put(small.l2, status, queue_position=1 if status == "queued" else None, **row)
    assert resuming.can_resume(run) is resumes
    assert resuming.can_continue(run) is continues
    if not resumes:
        with pytest.raises(RunError) as caught:
            resuming.resume(run.id)
        assert status in str(caught.value)
    if not continues:
        with pytest.raises(RunError):
            resuming.continue_for(run.id, 1)
    assert runs.get_run(run.id).status is run.status


def test_refusals_say_what_to_do_instead(small: SmallRuns) -> None:
    with pytest.raises(RunError, match="nothing is left to do") as caught:
        resuming.resume(small.l2)
    assert caught.value.cure == "Continue it for more epochs."
    (small.folder(small.l2) / "last.ckpt").unlink()
    assert not resuming.can_continue(runs.get_run(small.l2))
    with pytest.raises(RunError, match="has no checkpoint") as caught:
        resuming.continue_for(small.l2, 1)
    assert "run again" in str(caught.value.cure)
    with pytest.raises(RunError) as caught:
        resuming.resume(small.l2)
    assert caught.value.cure == "Run it again."
    with pytest.raises(RunError, match="is completed: it has ended already"):
        resuming.request_pause(small.delta)
    measuring = put(runs.submit_attention_of(small.delta), "completed")
    with pytest.raises(RunError, match="only a training run"):
        resuming.continue_for(measuring.id, 1)


def test_a_run_without_a_checkpoint_that_was_stopped_cannot_go_on(small: SmallRuns) -> None:
    (small.folder(small.l2) / "last.ckpt").unlink()
    assert not resuming.can_resume(put(small.l2, "stopped", step=4))


# The queue


def test_what_is_taken_out_of_the_queue_can_be_put_back_in_front(small: SmallRuns) -> None:
    new, other = (runs.submit(small_config(small.data, "l2", seed=seed)) for seed in (5, 6))
    put(small.l2, "paused", step=4)
    resuming.resume(small.l2)
    assert line() == [small.l2, new, other]
    assert resuming.take_out_of_queue(small.l2).status is RunStatus.PAUSED
    assert resuming.take_out_of_queue(new).status is RunStatus.STOPPED
    assert line() == [other]
    with pytest.raises(RunError, match="is stopped, and in no line"):
        resuming.take_out_of_queue(new)
    resuming.resume(new)
    assert line() == [new, other]
    runs.move(new, 2)
    assert line() == [other, new]
    with pytest.raises(RunError, match="in no line"):
        runs.move(small.l2, 1)


def test_continuing_writes_the_rounds_into_the_settings(small: SmallRuns) -> None:
    before = RunConfig.model_validate(runs.get_run(small.l2).config)
    run = resuming.continue_for(small.l2, 1)
    config = RunConfig.model_validate(run.config)
    assert config.optimization.more_epochs == (1,)
    assert (run.status, run.epochs, run.steps) == (RunStatus.QUEUED, 3, 9)
    assert config.model_copy(update={"optimization": before.optimization}) == before
    # Continued once more after it completed: a further round.
    run = put(small.l2, "completed")
    run = resuming.continue_for(small.l2, 4)
    assert RunConfig.model_validate(run.config).optimization.more_epochs == (1, 4)
    assert (run.epochs, run.steps) == (7, 21)
    # Taken out of the queue it has steps left, and resuming does not forget them.
    assert "it had come to step 6" in resuming.resume_words(resuming.take_out_of_queue(run.id))


# From end to end


@pytest.mark.slow
def test_a_completed_run_is_continued_by_the_worker_and_tested_again(
    small: SmallRuns, worker: None
) -> None:
    before = runs.get_run(small.l2)
    first = measured(small.l2)
    resuming.continue_for(small.l2, 1)
    until(lambda: runs.get_run(small.l2).status is RunStatus.COMPLETED)
    run = runs.get_run(small.l2)
    assert (run.epoch, run.epochs, run.step, run.steps) == (3, 3, 9, 9)
    assert (before.test_evaluations, run.test_evaluations) == (1, 2)
    assert run.started_at == before.started_at
    assert before.seconds is not None
    assert run.seconds is not None
    assert run.seconds > before.seconds
    now = measured(small.l2)
    for name, (steps, values) in first.items():
        assert np.array_equal(now[name][0][: len(steps)], steps), name
        assert np.array_equal(now[name][1][: len(values)], values, equal_nan=True), name
    assert now[names.LOSS_TOTAL][0].tolist() == list(range(1, 10))
    rates = now[names.LR_HEAD][1]
    assert rates[6] == rates[0], "the schedule runs anew"


@pytest.mark.slow
def test_paused_and_resumed_by_the_worker_is_the_run_straight_through(
    runs_dir: Path, worker: None, tmp_path: Path
) -> None:
    config = small_config(draw_folder(tmp_path / "shapes"), "l2_sp", epochs=40)
    straight, paused = runs.submit(config), runs.submit(config)
    until(lambda: runs.get_run(paused).step >= 5)
    assert resuming.request_pause(paused).request == "pause"
    until(lambda: runs.get_run(paused).status.ended)
    held = runs.get_run(paused)
    assert held.status is RunStatus.PAUSED, "it was over before it could be paused"
    assert 5 <= held.step < held.steps
    assert runs.status_words(held).startswith(f"Paused after step {held.step} of ")
    assert resuming.resume(paused).queue_position == 1
    until(lambda: runs.get_run(paused).status is RunStatus.COMPLETED)
    done, other = runs.get_run(paused), runs.get_run(straight)
    for part in ("step", "epoch", "best_epoch", "val_top1", "test_top1", "test_evaluations"):
        assert getattr(done, part) == getattr(other, part), part
    one, two = measured(straight), measured(paused)
    assert one.keys() == two.keys()
    for name, (steps, values) in one.items():
        assert np.array_equal(two[name][0], steps), name
        assert np.array_equal(two[name][1], values, equal_nan=True), name
    weights = [load_saved(Path(run.folder) / "best.safetensors") for run in (done, other)]
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())

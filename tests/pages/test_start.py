"""Start: continue, begin, put right; and the strip that stands on every page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from page_words import links, words
from small_runs import copied, small_config

from delta_app.runs.opened import opened
from delta_app.runs.records import RunStatus
from delta_app.services import runs

START = "pages/start.py"


def test_at_first_there_are_the_demo_and_a_new_fine_tuning_only(open_page: Any) -> None:
    app = open_page(START)
    said = words(app)
    assert "Try the demo" in said
    assert "New fine-tuning" in said
    assert [b.label for b in app.button] == [
        "Fine-tune the demo",
        "Compare L2, L2-SP and DELTA on it",
        "Choose pictures",
    ]
    assert "This machine" not in said
    assert not app.error


@pytest.mark.slow
def test_the_demo_by_all_three_is_queued_one_after_the_other(open_page: Any) -> None:
    app = open_page(START)
    app.button(key="demo-all").click().run()
    records = sorted(runs.list_runs(), key=lambda record: record.queue_position or 0)
    assert [record.method for record in records] == ["l2", "l2_sp", "delta"]
    assert len({record.config["data"]["data"] for record in records}) == 1
    assert app.query_params["run"] == records[0].id


def test_the_strip_says_what_runs_how_far_it_is_and_how_many_wait(
    open_page: Any, queued: Any
) -> None:
    running = queued(
        "l2_sp", "running", phase="training", phase_done=30, phase_total=120, epochs=4, step=30
    )
    queued("l2")
    queued("delta")
    app = open_page(START)
    assert links(app)[':color[●]{foreground="#E69F00"} L2-SP · shapes'] == f"run={running.id}"
    assert ":small[2 runs wait]" in links(app)
    strip = "\n".join(caption.value for caption in app.sidebar.caption).replace("\\", "")
    assert "Training: epoch 1 of 4" in strip
    assert "Running now" in words(app)
    assert {progress.value for progress in app.progress} == {25}
    # On every other page too.
    app.switch_page("pages/fine_tune.py").run()
    assert ':color[●]{foreground="#E69F00"} L2-SP · shapes' in links(app)


def test_the_last_finished_run_is_offered_by_the_other_methods(open_page: Any, queued: Any) -> None:
    done = queued("delta", "completed", test_top1=0.625, seconds=84.0)
    app = open_page(START)
    assert "Last finished" in words(app)
    assert "62.5\u2009% of the test pictures right" in words(app)
    assert app.button(key="companions").label == "Run L2 and L2-SP too"
    app.button(key="companions").click().run()
    others = [record for record in runs.list_runs() if record.id != done.id]
    assert {record.method for record in others} == {"l2", "l2_sp"}
    for record in others:
        for group in ("data", "model", "optimization"):
            assert record.config[group] == done.config[group]


@pytest.mark.slow
def test_what_ended_before_the_last_is_listed_and_opens(open_page: Any, queued: Any) -> None:
    before = queued("l2", "completed", test_top1=0.5, seconds=61.0)
    queued("delta", "completed", test_top1=0.625)
    app = open_page(START)
    assert "test 50.0\u2009%" in words(app)
    assert "test 62.5" not in words(app)  # the last one stands above
    assert links(app)[':color[●]{foreground="#0072B2"} L2 · shapes'] == f"run={before.id}"


@pytest.mark.slow
def test_three_results_of_the_same_settings_can_be_compared(open_page: Any, queued: Any) -> None:
    done = {method: queued(method, "completed") for method in ("delta", "l2", "l2_sp")}
    app = open_page(START)
    assert all(button.key != "companions" for button in app.button)
    app.button(key="compare").click().run()
    assert app.query_params["runs"] == f"{done['l2'].id},{done['l2_sp'].id},{done['delta'].id}"


def test_a_failed_run_stands_with_its_cure_until_it_was_made_again(
    open_page: Any, queued: Any
) -> None:
    failure = {
        "error_message": "The loss is not finite: nan.",
        "error_cure": "Lower the learning rate.",
        "error_log": "last lines",
    }
    failed = queued("delta", "failed", **failure)
    app = open_page(START)
    assert "The loss is not finite: nan. Lower the learning rate." in words(app)
    assert links(app)["Run again"] == f"from={failed.id}"
    queued("delta")
    app.run()
    assert "To put right" not in words(app)


def test_what_the_end_of_the_app_interrupted_stands_first_and_is_resumed(
    open_page: Any, queued: Any
) -> None:
    broken = queued("delta", "interrupted", step=12, epoch=1, epochs=3, phase="training")
    waiting = [queued(method) for method in ("l2", "l2_sp")]
    app = open_page(START)
    said = words(app)
    told = "**1 run was interrupted when the app ended** · 2 runs still wait in the queue"
    assert told in said
    assert said.index(told) < said.index("in the queue** · next")
    assert "Interrupted: the app ended while it ran, after epoch 1 of 3." in said
    assert "To put right" not in said
    assert [b.label for b in app.button].count("Resume") == 1
    app.button(key=f"start:resume:{broken.id}").click().run()
    assert not app.exception
    assert [run.id for run in runs.queue(runs.list_runs())] == [
        broken.id,
        *(run.id for run in waiting),
    ]
    assert "interrupted" not in words(app)
    assert "**3 runs in the queue** · next" in words(app)


def test_many_interrupted_runs_lead_to_the_table(open_page: Any, queued: Any) -> None:
    for method in ("delta", "l2", "l2_sp", "linear_probe"):
        queued(method, "interrupted")
    app = open_page(START)
    assert "**4 runs were interrupted when the app ended**" in words(app)
    assert [b.label for b in app.button].count("Resume") == 3
    assert links(app)["All 4"] == "state=Interrupted"


def test_what_was_taken_out_of_the_queue_is_no_result(open_page: Any, queued: Any) -> None:
    runs.request_stop(queued("l2").id)
    queued("delta", "completed", test_top1=0.625)
    said = words(open_page(START))
    assert "Last finished" in said
    assert "not tested" not in said


@pytest.mark.slow
def test_a_measurement_that_came_to_nothing_is_measured_again(
    open_page: Any, runs_dir: Path
) -> None:
    small, store = copied(runs_dir), opened(runs_dir)
    source = runs.submit_attention(small_config(small.data, "delta"))
    own = runs.submit_attention_of(small.delta)
    for each in (source, own):
        store.set_status(each, RunStatus.FAILED, expected=RunStatus.QUEUED)
    app = open_page(START)
    said = words(app)
    assert "Measure again with the same settings, or change them." in said
    assert "Measure again with the same settings.\n" in said, "there is no form to change them in"
    assert "Run it again" not in said
    assert links(app)["Measure again"] == f"new=measurement&from={source}"
    app.button(key=f"start:again:{own}").click().run()
    assert not app.exception
    assert runs.list_runs()[0].config == runs.get_run(own).config

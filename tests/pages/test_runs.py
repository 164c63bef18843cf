"""The Runs page: what the table holds, finding, and what can be done with selected runs.

Dialogs are driven in a browser (tests/e2e/test_live.py): this runner draws the whole page at every
click, and closes them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from page_words import words
from small_runs import copied, small_config
from streamlit.testing.v1 import AppTest

from delta_app.runs.records import RunRecord, RunStatus
from delta_app.services import runs
from delta_app.ui import runs_page, runs_table
from delta_app.ui.refreshing import refreshing
from delta_app.ui.run_actions import DOUBLE_CLICK_SECONDS

Opener = Callable[..., AppTest]
RUNS = "pages/runs.py"


def select(app: AppTest, *chosen: RunRecord) -> AppTest:
    """Select rows, as the table does when they are clicked; AppTest has no clicks on rows."""
    app.session_state["runs:selected"] = tuple(record.id for record in chosen)
    return app.run()


def queue_strip(app: AppTest) -> list[str]:
    """Names in the queue over the table, in their order."""
    line = [each for each in app.button if str(each.key).startswith("runs:queue:cancel:")]
    return [runs.get_run(str(each.key).rpartition(":")[2]).name for each in line]


def names(app: AppTest) -> list[str]:
    return list(app.dataframe[0].value["Name"])


def test_at_first_it_says_what_to_do(open_page: Opener) -> None:
    app = open_page(RUNS)
    assert "No runs yet" in words(app)
    assert app.button(key="runs:new").label == "New fine-tuning"


def test_the_table_has_every_column_newest_first(open_page: Opener, queued: Any) -> None:
    done = {"val_top1": 0.75, "test_top1": 0.625, "seconds": 84.0, "epoch": 30, "epochs": 30}
    queued("l2", "completed", **done)
    queued("delta")
    rows = open_page(RUNS).dataframe[0].value
    assert list(rows["Name"]) == ["DELTA · shapes", "L2 · shapes"]
    assert list(rows["State"]) == ["Queued", "Completed"]
    old = rows.iloc[1]
    assert (old["Method"], old["Dataset"], old["Backbone"]) == (["L2"], "shapes", "resnet18")
    assert (old["Validation"], old["Test"], old["Progress"]) == (75.0, 62.5, 1.0)
    assert old["Epochs"].strip() == "30/30"
    assert old["Duration"].total_seconds() == 84
    assert old["Started"] is not None


def test_runs_are_found_by_text_method_and_state(open_page: Opener, queued: Any) -> None:
    named = queued("l2", "completed")
    runs.rename(named.id, "tulips, second try")
    queued("delta", "completed")
    queued("delta")
    app = open_page(RUNS)
    app.text_input(key="runs_text").set_value("SECOND tulips").run()
    assert names(app) == ["tulips, second try"]
    assert app.query_params["q"] in ("SECOND tulips", ["SECOND tulips"])
    app.text_input(key="runs_text").set_value("").run()
    app.selectbox(key="runs_method").set_value("DELTA").run()
    assert len(names(app)) == 2
    app.selectbox(key="runs_state").set_value("Queued").run()
    assert len(names(app)) == 1


def test_two_runs_are_compared(open_page: Opener, queued: Any) -> None:
    one, other = queued("l2", "completed"), queued("delta", "completed")
    app = open_page(RUNS)
    assert app.button(key="runs:Compare").disabled
    app = select(app, one, other)
    assert app.button(key="runs:Open").disabled
    app.button(key="runs:Compare").click().run()
    assert set(app.query_params["runs"].split(",")) == {one.id, other.id}


@pytest.mark.slow
def test_one_run_is_opened_or_run_again(open_page: Opener, queued: Any) -> None:
    one = queued("l2", "completed")
    app = select(open_page(RUNS), one)
    app.button(key="runs:Open").click().run()
    assert app.query_params["run"] == one.id
    app = select(open_page(RUNS), one)
    app.button(key="runs:Run again").click().run()
    assert app.query_params["from"] == one.id


@pytest.mark.slow
def test_a_measurement_goes_to_its_form_or_into_the_queue(
    open_page: Opener, runs_dir: Path
) -> None:
    small = copied(runs_dir)
    source = runs.get_run(runs.submit_attention(small_config(small.data, "delta")))
    own = runs.get_run(runs.submit_attention_of(small.delta))
    app = select(open_page(RUNS), source)
    app.button(key="runs:Run again").click().run()
    assert (app.query_params["new"], app.query_params["from"]) == ("measurement", source.id)
    app = select(open_page(RUNS), own)
    app.button(key="runs:Run again").click().run()
    newest = runs.list_runs()[0]
    assert newest.config == own.config
    assert app.query_params["run"] == newest.id
    app = select(open_page(RUNS), source, own)
    assert app.button(key="runs:Run again").disabled


@pytest.mark.slow
def test_several_runs_are_paused_and_resumed_at_once(open_page: Opener, queued: Any) -> None:
    running = queued("l2", "running", phase="training", step=3, epochs=4)
    waiting, done = queued("l2_sp"), queued("delta", "completed")
    app = open_page(RUNS)
    for key in ("runs:pause", "runs:resume", "runs:stop"):
        assert app.button(key=key).disabled
        assert app.button(key=key).help.startswith("Select runs that are ")
    app = select(app, running, waiting, done)
    assert not app.button(key="runs:pause").disabled
    assert app.button(key="runs:resume").disabled
    app.button(key="runs:pause").click().run()
    assert runs.get_run(running.id).pausing
    assert runs.get_run(waiting.id).status is RunStatus.PAUSED
    assert not app.toast, "what cannot be paused was left alone"
    app.selectbox(key="runs_state").set_value("Paused").run()
    assert names(app) == [waiting.name]
    app = select(app, waiting)
    time.sleep(DOUBLE_CLICK_SECONDS)
    app.button(key="runs:resume").click().run()
    assert runs.get_run(waiting.id).status is RunStatus.QUEUED


def test_without_a_queue_nothing_is_drawn_of_it(open_page: Opener, queued: Any) -> None:
    queued("l2", "completed")
    app = open_page(RUNS)
    assert "Queue" not in words(app)
    assert queue_strip(app) == []


def test_the_queue_is_shown_in_order_and_changed(open_page: Opener, queued: Any) -> None:
    done = queued("linear_probe", "completed")
    one, two, three = (queued(method) for method in ("l2", "l2_sp", "delta"))
    app = open_page(RUNS)
    assert "**Queue** · 3 runs, in this order" in words(app)
    assert queue_strip(app) == [one.name, two.name, three.name]
    assert done.name not in queue_strip(app)
    assert "waits for cpu, in use by a test" in words(app)
    assert words(app).count("waits for those before it") == 2
    assert app.button(key=f"runs:queue:up:{one.id}").disabled
    assert app.button(key=f"runs:queue:first:{one.id}").disabled
    assert app.button(key=f"runs:queue:down:{three.id}").disabled
    app.button(key=f"runs:queue:first:{three.id}").click().run()
    assert queue_strip(app) == [three.name, one.name, two.name]
    app.button(key=f"runs:queue:down:{three.id}").click().run()
    assert queue_strip(app) == [one.name, three.name, two.name]
    app.button(key=f"runs:queue:up:{two.id}").click().run()
    assert queue_strip(app) == [one.name, two.name, three.name]


def test_what_is_taken_out_of_the_queue_says_how_it_comes_back(
    open_page: Opener, queued: Any
) -> None:
    one, two = queued("l2"), queued("delta")
    app = open_page(RUNS)
    app.button(key=f"runs:queue:cancel:{one.id}").click().run()
    assert queue_strip(app) == [two.name]
    said = app.toast[0].value.replace("\\", "")
    assert said == (f"{one.name} is out of the queue. To put it back: select it and choose Resume.")
    app = select(app, one)
    app.button(key="runs:resume").click().run()
    assert queue_strip(app) == [one.name, two.name]


def test_delete_asks_first(open_page: Opener, queued: Any) -> None:
    one, other = queued("l2", "completed"), queued("delta", "completed")
    app = select(open_page(RUNS), one)
    app.button(key="runs:Delete").click().run()
    assert "cannot be had back" in words(app)
    assert runs.get_run(one.id)
    assert {record.id for record in runs.list_runs()} == {one.id, other.id}


def test_a_running_run_can_be_stopped_but_not_deleted(open_page: Opener, queued: Any) -> None:
    run = queued("l2", "running", phase="training", step=3, epochs=4)
    app = select(open_page(RUNS), run)
    assert app.button(key="runs:Delete").disabled
    app.button(key="runs:stop").click().run()
    assert runs.get_run(run.id).stopping


@pytest.mark.slow
def test_the_table_is_sent_again_and_again_only_while_a_run_goes_on(
    open_page: Opener, queued: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    every: dict[str, float | None] = {}

    def noted(work: Any, seconds: float | None, **options: Any) -> Any:
        every[work.__name__] = seconds
        return refreshing(work, seconds, **options)

    monkeypatch.setattr(runs_page, "refreshing", noted)
    run = queued("l2", "completed")
    open_page(RUNS)
    assert (every["draw"], every["watch"]) == (None, runs_page.REFRESH_SECONDS)
    every.clear()
    queued("delta", "running")
    open_page(RUNS)
    assert every["draw"] == runs_page.REFRESH_SECONDS
    assert "watch" not in every
    assert runs.get_run(run.id).status.ended


def test_a_run_that_comes_begins_or_is_renamed_draws_the_page_again(
    queued: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued("l2", "completed")
    state: dict[str, object] = {}
    drawn: list[str] = []
    monkeypatch.setattr(runs_table.st, "session_state", state)
    monkeypatch.setattr(runs_table.st, "rerun", lambda: drawn.append("again"))
    runs_table.know(runs.list_runs())
    runs_table.watch()
    assert drawn == []
    run = queued("delta", "completed")
    runs_table.watch()
    assert len(drawn) == 1
    runs_table.know(runs.list_runs())
    runs.rename(run.id, "another name")
    runs_table.watch()
    assert len(drawn) == 2
    queued("l2_sp", "running")
    runs_table.know(runs.list_runs())  # the bar may know already what the page around it does not
    runs_table.watch()
    assert len(drawn) == 3

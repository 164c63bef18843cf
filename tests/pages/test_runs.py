"""The Runs page: what the table holds, finding, and what can be done with selected runs.

Dialogs are driven in a browser (tests/e2e/test_live.py): this runner draws the whole page at every
click, and closes them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from page_words import words
from small_runs import copied, small_config
from streamlit.testing.v1 import AppTest

from delta_app.runs.records import RunRecord
from delta_app.services import runs

Opener = Callable[..., AppTest]
RUNS = "pages/runs.py"


def select(app: AppTest, *chosen: RunRecord) -> AppTest:
    """Select rows, as the table does when they are clicked; AppTest has no clicks on rows."""
    app.session_state["runs:selected"] = tuple(record.id for record in chosen)
    return app.run()


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


def test_one_run_is_opened_or_run_again(open_page: Opener, queued: Any) -> None:
    one = queued("l2", "completed")
    app = select(open_page(RUNS), one)
    app.button(key="runs:Open").click().run()
    assert app.query_params["run"] == one.id
    app = select(open_page(RUNS), one)
    app.button(key="runs:Run again").click().run()
    assert app.query_params["from"] == one.id


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

"""The Run page: each state told apart, what went wrong and its cure, every tab, rename, stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from page_words import links, words
from small_runs import SmallRuns, copied, small_config
from streamlit.testing.v1 import AppTest

from delta_app.attention.artifact import load_attention
from delta_app.runs.control import Shutdown
from delta_app.runs.execute import execute
from delta_app.runs.opened import opened
from delta_app.runs.records import Event, RunStatus
from delta_app.services import runs
from delta_app.training.final_test import RunResult

Opener = Callable[..., AppTest]
RUN = "pages/run.py"


@pytest.fixture
def small(runs_dir: Path) -> SmallRuns:
    """The app's runs folder holds three finished runs."""
    return copied(runs_dir)


def state(app: AppTest) -> str:
    """The badge of the header, as Markdown."""
    return next(m.value for m in app.markdown if "-badge[" in m.value)


def tab(app: AppTest, name: str) -> AppTest:
    choice = next(c for c in app.segmented_control if name in c.options)
    return choice.set_value(name).run()


@pytest.mark.parametrize(
    ("status", "label"),
    [
        ("queued", "Queued"),
        ("running", "Running"),
        ("completed", "Completed"),
        ("stopped", "Stopped by you"),
        ("interrupted", "Interrupted"),
        ("failed", "Failed"),
    ],
)
def test_every_state_is_told_apart(status: str, label: str, open_page: Opener, queued: Any) -> None:
    run = queued("l2", status)
    app = open_page(RUN, run=run.id)
    assert label in state(app)
    assert app.button(key="run_stop").disabled == run.status.ended
    assert not app.exception


def test_a_failed_run_says_why_what_to_try_and_its_last_lines(
    open_page: Opener, queued: Any
) -> None:
    run = queued(
        "l2",
        "failed",
        error_message="The loss is not finite: nan.",
        error_cure="Lower the learning rate.",
        error_log="line before the last\nlast line\nTraceback (most recent call last):\n  File x",
    )
    app = open_page(RUN, run=run.id)
    assert "**The loss is not finite: nan.** Lower the learning rate." in words(app)
    assert app.code[0].value == "line before the last\nlast line"
    assert links(app)["Run again"] == f"from={run.id}"


def test_a_failed_run_names_the_epoch_it_kept(open_page: Opener, queued: Any) -> None:
    failure = {"error_message": "It broke.", "error_cure": "Mend it."}
    without = open_page(RUN, run=queued("l2", "failed", **failure).id)
    assert "is kept" not in without.error[0].value
    kept = open_page(RUN, run=queued("l2", "failed", best_epoch=7, **failure).id)
    assert "Epoch 7 is kept" in kept.error[0].value


def test_an_interrupted_run_says_what_to_do(open_page: Opener, queued: Any) -> None:
    app = open_page(RUN, run=queued("l2", "interrupted").id)
    assert "choose Run again" in app.warning[0].value


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("interrupted", "To measure it to its end, choose Measure again."),
        ("failed", "See the log below, then choose Measure again."),
    ],
)
def test_a_measurement_is_measured_again_not_run_again(
    status: str, said: str, open_page: Opener, small: SmallRuns
) -> None:
    for measuring in (
        runs.submit_attention(small_config(small.data, "delta")),
        runs.submit_attention_of(small.delta),
    ):
        failure = {"error_message": "It broke."} if status == "failed" else {}
        opened(small.runs_dir).set_status(
            measuring, RunStatus(status), expected=RunStatus.QUEUED, **failure
        )
        app = open_page(RUN, run=measuring)
        assert said in words(app)
        assert "Run again" not in {*links(app), *(button.label for button in app.button)}
        if "of" in runs.get_run(measuring).name.split():
            app.button(key="run_again").click().run()
            assert runs.list_runs()[0].config == runs.get_run(measuring).config
            assert not app.exception
        else:
            assert links(app)["Measure again"] == f"new=measurement&from={measuring}"


def test_a_running_run_says_how_far_it_is_and_what_goes_on(open_page: Opener, queued: Any) -> None:
    run = queued(
        "delta", "running", phase="decoding pictures", phase_done=30, phase_total=120, epochs=4
    )
    app = open_page(RUN, run=run.id)
    said = "\n".join(str(p.proto.text) for p in app.get("progress")) + words(app)
    assert "Decoding pictures: 30 of 120 pictures" in said.replace("\\", "")
    assert "tested once, when training ends" in "\n".join(m.delta for m in app.metric)


def test_a_queued_run_says_its_place(open_page: Opener, queued: Any) -> None:
    queued("l2")
    second = queued("l2_sp")
    app = open_page(RUN, run=second.id)
    said = "\n".join(str(p.proto.text) for p in app.get("progress")).replace("\\", "")
    assert "Queued, second in line" in said


def test_stop_is_asked_for_and_the_page_says_so(open_page: Opener, queued: Any) -> None:
    run = queued("l2", "running", phase="training", step=3, epochs=4)
    app = open_page(RUN, run=run.id)
    app.button(key="run_stop").click().run()
    assert runs.get_run(run.id).stopping
    assert app.button(key="run_stop").disabled
    assert app.button(key="run_stop").label == "Stopping"


def test_the_name_is_changed_in_place(open_page: Opener, queued: Any) -> None:
    run = queued("l2", "completed")
    app = open_page(RUN, run=run.id)
    name = next(field for field in app.text_input if field.label == "Name of the run")
    name.set_value("my first run").run()
    assert runs.get_run(run.id).name == "my first run"
    again = next(field for field in app.text_input if field.label == "Name of the run")
    again.set_value("   ").run()
    assert runs.get_run(run.id).name == "my first run"  # a name of blanks is refused
    assert app.toast


def test_a_finished_run_opens_on_its_result(open_page: Opener, small: SmallRuns) -> None:
    app = open_page(RUN, run=small.delta)
    chosen = next(c for c in app.segmented_control if "Curves" in c.options)
    assert chosen.value == "Errors"
    record = runs.get_run(small.delta)
    assert {m.label for m in app.metric} == {
        "Validation accuracy, best",
        "Cross-entropy",
        "Weighted penalty",
        "Test accuracy",
    }
    test = next(m for m in app.metric if m.label == "Test accuracy")
    assert record.test_top1 is not None
    assert test.value.startswith(f"{100 * record.test_top1:.1f}")
    assert "tested once" in test.delta


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Curves", "The loss is each batch's as it was minimised"),
        ("Attention", "effective share"),
        ("Feature maps", "weights of the kept epoch"),
        ("Errors", "right"),
        ("Settings and log", "The same run from a terminal"),
    ],
)
def test_every_tab_of_a_finished_run(
    name: str, said: str, open_page: Opener, small: SmallRuns
) -> None:
    app = tab(open_page(RUN, run=small.delta), name)
    assert not app.exception
    assert not app.error
    assert said in words(app)
    assert app.query_params.get("tab", "Errors") in (name, [name])


def test_attention_says_how_reliable_each_layer_is(open_page: Opener, small: SmallRuns) -> None:
    app = tab(open_page(RUN, run=small.delta), "Attention")
    assert "reliability" in words(app)


def test_attention_says_where_it_comes_from(open_page: Opener, small: SmallRuns) -> None:
    app = tab(open_page(RUN, run=small.delta), "Attention")
    assert "Measured by this run" in words(app)
    assert f"run={small.delta}" in links(app)["See whether to believe it"]
    app = tab(open_page(RUN, run=small.shuffled), "Attention")
    name = runs.get_run(small.delta).name
    assert f"Measured by {name}, with these very settings, and reused." in words(app)
    assert f"run={small.delta}" in links(app)["See whether to believe it"]


@pytest.mark.parametrize("method", ["delta", "l2"])
def test_the_fine_tuned_network_is_measured_at_a_click(
    method: str, open_page: Opener, small: SmallRuns
) -> None:
    trained = getattr(small, method)
    app = tab(open_page(RUN, run=trained), "Attention")
    app.button(key="run:measure-end").click().run()
    assert not app.exception
    measuring = runs.list_runs()[0]
    assert measuring.config["run"]["attention"]["attention_of"] == str(small.folder(trained))
    assert "Queued, next in line" in words(app)
    assert links(app)["Watch it"] == f"run={measuring.id}"


def test_attention_of_the_end_stands_beside_that_of_the_start(
    open_page: Opener, small: SmallRuns, runs_dir: Path
) -> None:
    measuring = runs.submit_attention_of(small.delta)
    file = small.folder(measuring) / "attention.json"
    start = load_attention(small.folder(small.delta) / "attention.json")
    layer = list(start.layers)[-1]
    # The end as the start upside down: the ranks are opposite.
    turned = replace(start.layers[layer], importance=-start.layers[layer].importance)
    replace(start, layers={**start.layers, layer: turned}).save(file)
    opened(runs_dir).set_status(
        measuring, RunStatus("completed"), expected=RunStatus.QUEUED, attention=str(file)
    )
    app = tab(open_page(RUN, run=small.delta), "Attention")
    assert not app.exception
    assert "Rank correlation of start and end \N{MINUS SIGN}1.00." in words(app)
    assert len(app.get("bidi_component")) == 3, "the bars of the run, of its start, of its end"


def test_an_end_that_is_known_in_part_can_be_measured_again(
    open_page: Opener, small: SmallRuns
) -> None:
    measuring = runs.submit_attention_of(small.delta)
    file = small.folder(measuring) / "attention.json"
    part = load_attention(small.folder(small.delta) / "attention.json")
    replace(part, complete=False, key="").save(file)
    opened(small.runs_dir).set_status(
        measuring, RunStatus("stopped"), expected=RunStatus.QUEUED, attention=str(file)
    )
    app = tab(open_page(RUN, run=small.delta), "Attention")
    assert "Measured on 8 training pictures, then stopped before its end." in words(app)
    app.button(key="run:measure-end").click().run()
    assert not app.exception
    newest = runs.list_runs()[0]
    assert newest.config == runs.get_run(measuring).config
    assert links(app)["Watch it"] == f"run={newest.id}"
    file.unlink()
    runs.request_stop(newest.id)
    app = tab(open_page(RUN, run=small.delta), "Attention")
    assert app.button(key="run:measure-end").label == "Measure the fine-tuned network"


def test_a_method_without_attention_says_why_there_is_none(
    open_page: Opener, small: SmallRuns
) -> None:
    app = tab(open_page(RUN, run=small.l2), "Attention")
    assert "L2 does not weigh filters" in words(app)


def test_the_log_has_its_newest_line_first(
    open_page: Opener, small: SmallRuns, runs_dir: Path
) -> None:
    last = max(event.at for event in runs.events(small.l2))
    opened(runs_dir).write(small.l2, [], [Event(last + 60, "info", "the very last line")], {})
    said = words(tab(open_page(RUN, run=small.l2), "Settings and log"))
    assert said.index("the very last line") < said.index("Tested epoch")


def test_a_measurement_of_a_runs_network_says_whose_and_its_command_says_so_too(
    open_page: Opener, small: SmallRuns
) -> None:
    measuring = runs.submit_attention_of(small.delta)
    app = tab(open_page(RUN, run=measuring), "Settings and log")
    assert f"attention --of {small.delta} " in app.code[0].value
    rows = dict(zip(app.table[0].value["Setting"], app.table[0].value["Value"], strict=True))
    named = runs.get_run(small.delta).name
    assert rows["Measured network"].replace("\\", "") == f"**{named} ({small.delta})**"
    assert "Folder of pictures" in rows


def test_a_run_that_is_not_there_is_said(open_page: Opener) -> None:
    app = open_page(RUN, run="l2-000000")
    assert "l2-000000" in words(app)
    assert "All runs" in links(app)


def test_a_measurement_that_was_stopped_shows_what_it_has(
    open_page: Opener, small: SmallRuns
) -> None:
    """What the Stop button leaves: a part of the attention, said to be one."""
    store = opened(small.runs_dir)
    run_id = runs.submit_attention(small_config(small.data, "delta"))
    store.begin(run_id)
    part = load_attention(small.folder(small.delta) / "attention.json")

    def stopped(config: Any, folder: Path, observer: Any, control: Any) -> RunResult:
        replace(part, complete=False, key="").save(folder / "attention.json")
        observer.facts({"attention": str(folder / "attention.json")})
        return RunResult("stopped")

    execute(store, run_id, Shutdown(), training=stopped)
    app = open_page(RUN, run=run_id)
    assert "Stopped by you" in state(app)
    assert "Measured on 8 training pictures" in words(app)
    assert "then stopped before its end: importance is" in words(app)


def test_an_attention_of_the_authors_form_says_what_it_is_made_of(
    open_page: Opener, small: SmallRuns
) -> None:
    path = small.folder(small.delta) / "attention.json"
    replace(load_attention(path), pictures=()).save(path)
    app = tab(open_page(RUN, run=small.delta), "Attention")
    assert "Made of the importances in a file of the authors' form: importance is" in words(app)

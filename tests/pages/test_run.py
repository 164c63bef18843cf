"""The Run page: each state told apart, what went wrong and its cure, every tab, rename; stop,
pause, resume and continue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from page_words import kept_charts, links, words
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


def going_on(app: AppTest) -> tuple[str, bool, bool]:
    """The button that is Pause, Resume or Continue: its label, whether it and Stop can be used.

    There is one of them in every state, in the same place, right before Stop.
    """
    first, stop = [each for each in app.button if str(each.key).startswith("run_")][:2]
    assert first.key in ("run_pause", "run_resume", "run_continue")
    assert stop.key == "run_stop"
    assert first.help, "it says what it does, or why it does nothing"
    return first.label, not first.disabled, not stop.disabled


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "row", "label", "buttons"),
    [
        ("queued", {}, "Queued", ("Pause", True, True)),
        ("running", {}, "Running", ("Pause", True, True)),
        ("running", {"request": "pause"}, "Pausing", ("Pausing", False, True)),
        ("running", {"request": "stop"}, "Stopping", ("Pause", False, False)),
        ("paused", {}, "Paused", ("Resume", True, True)),
        ("completed", {}, "Completed", ("Continue", False, False)),
        ("stopped", {}, "Stopped by you", ("Resume", False, False)),
        ("interrupted", {}, "Interrupted", ("Resume", True, True)),
        ("failed", {}, "Failed", ("Resume", True, False)),
    ],
)
def test_every_state_is_told_apart_and_has_its_buttons(
    status: str,
    row: dict[str, Any],
    label: str,
    buttons: tuple[str, bool, bool],
    open_page: Opener,
    queued: Any,
) -> None:
    app = open_page(RUN, run=queued("l2", status, **row).id)
    assert label in state(app)
    assert going_on(app) == buttons
    assert not app.exception


def test_pause_is_asked_for_and_the_page_says_so(open_page: Opener, queued: Any) -> None:
    run = queued("l2", "running", phase="training", step=3, epochs=4)
    app = open_page(RUN, run=run.id)
    app.button(key="run_pause").click().run()
    assert runs.get_run(run.id).pausing
    assert "Pausing" in state(app)
    assert going_on(app) == ("Pausing", False, True)
    said = "\n".join(str(p.proto.text) for p in app.get("progress"))
    assert "Pausing: finishing this step and keeping where it is" in said.replace("\\", "")


@pytest.mark.slow
def test_a_paused_run_goes_back_to_the_front_of_the_queue(
    open_page: Opener, small: SmallRuns, queued: Any
) -> None:
    waiting = queued("delta")
    opened(small.runs_dir).set_status(
        small.l2, RunStatus.PAUSED, expected=RunStatus.COMPLETED, step=4, test_evaluations=0
    )
    app = open_page(RUN, run=small.l2)
    assert app.button(key="run_resume").help == (
        "Goes on from its last checkpoint; it had come to step 4. It goes to the front of the "
        "queue."
    )
    app.button(key="run_resume").click().run()
    assert [run.id for run in runs.queue(runs.list_runs())] == [small.l2, waiting.id]
    assert going_on(app) == ("Pause", True, True)
    assert not app.toast


@pytest.mark.slow
def test_a_second_click_in_a_row_does_not_do_the_opposite(
    open_page: Opener, queued: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pause of a waiting run puts Resume under the pointer at once."""
    now = [1000.0]
    monkeypatch.setattr("delta_app.ui.run_actions.time.monotonic", lambda: now[0])
    run = queued("l2")
    app = open_page(RUN, run=run.id)
    app.button(key="run_pause").click().run()
    now[0] += 0.3
    app.button(key="run_resume").click().run()
    assert runs.get_run(run.id).status is RunStatus.PAUSED
    assert not app.toast
    now[0] += 2.0
    app.button(key="run_resume").click().run()
    assert runs.get_run(run.id).status is RunStatus.QUEUED


def test_a_click_on_what_has_changed_meanwhile_says_so(open_page: Opener, queued: Any) -> None:
    run = queued("l2", "running", phase="training", step=3, epochs=4)
    app = open_page(RUN, run=run.id)
    opened(run.folder.parent).set_status(
        run.id, RunStatus.COMPLETED, expected=RunStatus.RUNNING, owner=None
    )
    app.button(key="run_pause").click().run()
    assert not app.exception
    assert "is completed: it has ended already" in app.toast[0].value.replace("\\", "")


def test_a_completed_run_is_asked_how_many_epochs_more(open_page: Opener, small: SmallRuns) -> None:
    app = open_page(RUN, run=small.l2)
    assert going_on(app) == ("Continue", True, False)
    app.button(key="run_continue").click().run()
    assert not app.exception
    assert next(each.value for each in app.number_input if each.label == "More epochs") == 1
    assert "Epoch 3 (3 steps), from where the last one ended" in words(app)
    assert "the test pictures are evaluated once more" in words(app)
    command = next(code.value for code in app.code if "runs resume" in code.value)
    assert f"runs resume {small.l2} --epochs 1 --runs-dir " in command
    assert runs.get_run(small.l2).status is RunStatus.COMPLETED, "nothing is done before it is said"


def test_stop_of_a_paused_run_tests_its_best_epoch_next(open_page: Opener, queued: Any) -> None:
    run = queued("l2", "paused", step=3, steps=9, epoch=1, epochs=3, best_epoch=1)
    app = open_page(RUN, run=run.id)
    assert "its best epoch is tested" in app.button(key="run_stop").help
    app.button(key="run_stop").click().run()
    assert "Stopping" in state(app)
    said = "\n".join(str(p.proto.text) for p in app.get("progress")).replace("\\", "")
    assert "Stopping: next in line to test its best epoch" in said


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


def test_an_interrupted_run_says_what_to_do_with_one_button(open_page: Opener, queued: Any) -> None:
    app = open_page(RUN, run=queued("l2", "interrupted").id)
    assert "The app ended while this run went on" in app.warning[0].value
    assert "Resumed, it begins again" in app.warning[0].value
    assert [button.label for button in app.button].count("Resume") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("interrupted", "The app ended while this run waited."),
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


@pytest.mark.slow
def test_attention_says_how_reliable_each_layer_is(open_page: Opener, small: SmallRuns) -> None:
    app = tab(open_page(RUN, run=small.delta), "Attention")
    assert "reliability" in words(app)


@pytest.mark.slow
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
    assert len(kept_charts(app)) == 3, "the bars of the run, of its start, of its end"


@pytest.mark.slow
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

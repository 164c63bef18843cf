"""The Attention page: the empty one, a finished measurement, one that goes on, a new one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from drawn import draw_folder
from page_words import kept_charts, links, words
from small_runs import SmallRuns, copied
from streamlit.testing.v1 import AppTest

from delta_app.attention.artifact import load_attention
from delta_app.attention.faithfulness import Curve, Faithfulness, LayerFaithfulness
from delta_app.runs.opened import opened
from delta_app.runs.records import ATTENTION, RunRecord, RunStatus
from delta_app.services import runs
from delta_app.training.run_config import RunConfig

Opener = Callable[..., AppTest]
PAGE = "pages/attention.py"


@pytest.fixture
def small(runs_dir: Path) -> SmallRuns:
    """The app's runs folder holds three finished runs, two of them with a measured attention."""
    return copied(runs_dir)


@pytest.fixture
def attention(open_page: Opener) -> Opener:
    """attention(run="...", layer="..."): the page at that address."""
    return lambda **query: open_page(PAGE, **query)


def measured(small: SmallRuns) -> Any:
    return load_attention(small.folder(small.delta) / "attention.json")


def field(app: AppTest, label: str) -> Any:
    """The field of that label."""
    kinds = (app.number_input, app.select_slider, app.selectbox, app.segmented_control, app.radio)
    every = [each for kind in (*kinds, app.text_input, app.checkbox) for each in kind]
    return next(each for each in every if each.label == label)


def asked(app: AppTest, name: str) -> str:
    """What the address says; a test's own address holds lists."""
    value = app.query_params[name]
    return value if isinstance(value, str) else value[0]


def shown_share(app: AppTest) -> int:
    """The effective share that the page says, in percent."""
    said = re.search(r"Effective share (\d+)", words(app))
    assert said is not None
    return int(said.group(1))


def queued(runs_dir: Path, data: Path, status: str = "queued", **row: Any) -> RunRecord:
    """A measurement in the queue, or ended so."""
    run_id = runs.submit_attention(measurement(data))
    store = opened(runs_dir)
    if status != "queued":
        store.set_status(run_id, RunStatus(status), expected=RunStatus.QUEUED, **row)
    return store.get(run_id)


def measurement(data: Path) -> RunConfig:
    values = {"method": "delta", "data": str(data), "backbone": "resnet18", "weights": "random"}
    return RunConfig.from_flat(values)


# Nothing yet


def test_without_measurements_it_says_what_one_is_and_measures_the_demo(
    attention: Opener,
) -> None:
    app = attention()
    assert "how much the loss on your training pictures rises" in words(app)
    assert links(app)["New measurement"] == "new=measurement"
    app.button(key="attention:demo").click().run()
    (run,) = runs.list_runs()
    assert (run.kind, run.dataset) == (ATTENTION, "garden")
    assert run.config["run"]["attention"]["faithfulness"]
    assert not app.exception
    assert asked(app, "run") == run.id
    assert "Queued" in "\n".join(str(p.proto.text) for p in app.get("progress"))


# A finished one


def test_a_finished_measurement_says_whether_to_believe_it(
    attention: Opener, small: SmallRuns
) -> None:
    app = attention(run=small.delta)
    found = measured(small)
    last = list(found.layers)[-1]
    said = words(app)
    assert not app.exception
    assert re.search(rf"\*\*{re.escape(last)}\*\* · Reliability \d+", said)
    assert re.search(r": (none|\d+) of [\d ]+ filters? (is|are) distinguishable from zero", said)
    assert "exact on 8 training pictures" in said
    assert field(app, "Behaviour layer").options == list(found.layers)
    assert len(kept_charts(app)) >= 4, "bars, scatter, distribution, classes"


@pytest.mark.slow
def test_the_most_important_filter_is_chosen_until_another_is(
    attention: Opener, small: SmallRuns
) -> None:
    app = attention(run=small.delta)
    importance = list(measured(small).layers.values())[-1].importance
    first = int(importance.argmax())
    assert f"**Filter {first}**, rank 1 of {len(importance)}" in words(app)
    assert "filter" not in app.query_params
    other = int(importance.argsort(descending=True)[4])
    field(app, "Filter").set_value(other).run()
    assert f"**Filter {other}**, rank 5 of {len(importance)}" in words(app)
    assert asked(app, "filter") == str(other)


@pytest.mark.parametrize(
    ("estimator", "title"),
    [("exact", "Rise in loss by class"), ("first-order", "Slope of the loss by class")],
)
def test_the_title_over_the_classes_says_what_was_estimated(
    estimator: str, title: str, attention: Opener, small: SmallRuns
) -> None:
    file = small.folder(small.delta) / "attention.json"
    content = json.loads(file.read_text())
    content["settings"]["estimator"] = estimator
    file.write_text(json.dumps(content))
    charts = [json.dumps(each) for each in kept_charts(attention(run=small.delta))]
    assert [title in chart for chart in charts].count(True) == 1
    assert all(f"{other} by class" not in "".join(charts) for other in OTHER[estimator])


def test_the_address_opens_the_same_view_again(attention: Opener, small: SmallRuns) -> None:
    found = measured(small)
    layer = next(iter(found.layers))
    app = attention(
        run=small.delta, layer=layer, filter="3", temperature="0.5", show="attention", order="ends"
    )
    assert field(app, "Behaviour layer").value == layer
    assert "**Filter 3**" in words(app)
    assert field(app, "Temperature").value == "0.5"
    assert field(app, "Shown").value == "attention"
    assert field(app, "Order").value == "ends"
    assert asked(app, "layer") == layer
    assert asked(app, "filter") == "3"
    assert asked(app, "temperature") == "0.5"
    assert asked(app, "show") == "attention"


@pytest.mark.slow
def test_a_number_that_no_filter_has_falls_back_on_the_most_important(
    attention: Opener, small: SmallRuns
) -> None:
    for wrong in ("99999", "-1", "three"):
        app = attention(run=small.delta, filter=wrong)
        assert ", rank 1 of" in words(app)


def test_another_layer_has_its_own_chosen_filter(attention: Opener, small: SmallRuns) -> None:
    app = attention(run=small.delta, filter="3")
    assert "**Filter 3**" in words(app)
    first = next(iter(measured(small).layers))
    field(app, "Behaviour layer").set_value(first).run()
    assert ", rank 1 of" in words(app)
    assert "filter" not in app.query_params


def test_the_temperature_redraws_the_attention_and_writes_nothing(
    attention: Opener, small: SmallRuns
) -> None:
    file = small.folder(small.delta) / "attention.json"
    before = file.read_bytes()
    app = attention(run=small.delta)
    at_five = shown_share(app)
    field(app, "Temperature").set_value("0.5").run()
    assert not app.exception
    assert shown_share(app) < at_five
    field(app, "Temperature").set_value("50").run()
    assert shown_share(app) >= at_five
    assert file.read_bytes() == before


def test_without_faithfulness_it_is_measured_at_a_click(
    attention: Opener, small: SmallRuns
) -> None:
    app = attention(run=small.delta)
    assert "**Faithfulness** was not measured" in words(app)
    app.button(key="attention:faithfulness").click().run()
    assert not app.exception
    newest = runs.list_runs()[0]
    assert newest.kind == ATTENTION
    wanted = newest.config["run"]["attention"]
    own = json.loads((small.folder(small.delta) / "config.json").read_text())["attention"]
    assert wanted == own | {"faithfulness": True}
    assert asked(app, "run") == newest.id


@pytest.mark.parametrize("of_a_run", [False, True])
def test_without_held_back_pictures_it_says_how_to_hold_some_back(
    of_a_run: bool, attention: Opener, small: SmallRuns
) -> None:
    run_id = small.delta
    if of_a_run:
        run_id = runs.submit_attention_of(small.delta)
        own = small.folder(small.delta) / "attention.json"
        (small.folder(run_id) / "attention.json").write_bytes(own.read_bytes())
        opened(small.runs_dir).set_status(
            run_id, RunStatus.COMPLETED, expected=RunStatus.QUEUED, facts={}
        )
    facts = {**runs.get_run(run_id).facts, "pictures": {"train": 30, "val": 0, "test": 0}}
    opened(small.runs_dir).set_status(
        run_id, RunStatus.COMPLETED, expected=RunStatus.COMPLETED, facts=facts
    )
    app = attention(run=run_id)
    assert not app.exception
    assert "No pictures are held back" in words(app)
    assert "attention:faithfulness" not in [button.key for button in app.button]
    if of_a_run:
        assert "Fine-tune with a validation or test share above 0" in words(app)
    else:
        assert "share above 0 in a new measurement" in words(app)


OTHER = {"exact": ("Slope of the loss",), "first-order": ("Rise in loss",)}


def curve(*loss: float) -> Curve:
    values = torch.tensor(loss, dtype=torch.float64)
    return Curve(values, torch.full_like(values, 0.5))


@pytest.mark.parametrize(
    ("random", "said"),
    [((1.0, 1.5, 3.0), False), ((1.0, 2.9, 3.0), True)],
)
def test_an_order_no_better_than_random_is_said(
    random: tuple[float, ...], said: bool, attention: Opener, small: SmallRuns
) -> None:
    layers = {
        name: LayerFaithfulness(
            torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64),
            most=curve(1.0, 2.0, 3.0),
            least=curve(1.0, 1.0, 3.0),
            random=(curve(*random),),
        )
        for name in measured(small).layers
    }
    found = Faithfulness(layers, "val", 6, 1)
    found.save(small.folder(small.delta) / "faithfulness.json")
    app = attention(run=small.delta)
    assert ("No better than random" in words(app)) == said
    assert ("Beats every random order" in words(app)) != said
    assert "(6 validation pictures, 1 order)" in words(app)


def test_both_files_are_offered(attention: Opener, small: SmallRuns) -> None:
    app = attention(run=small.delta)
    labels = [each.proto.label for each in app.get("download_button")]
    assert labels == ["attention.json", "Authors' file"]


def test_another_measurement_is_chosen_from_the_list(attention: Opener, small: SmallRuns) -> None:
    app = attention(run=small.delta)
    runs_of_list = field(app, "Measurement")
    assert len(runs_of_list.options) == 2
    runs_of_list.set_value(small.shuffled).run()
    assert asked(app, "run") == small.shuffled
    assert field(app, "Measurement").value == small.shuffled


def test_a_run_that_measured_nothing_is_said(attention: Opener, small: SmallRuns) -> None:
    app = attention(run=small.l2)
    assert "has measured no attention" in app.warning[0].value


# One that goes on, or came to nothing


def test_a_queued_one_says_its_place_and_can_be_stopped(
    attention: Opener, runs_dir: Path, pictures: Path
) -> None:
    run = queued(runs_dir, pictures)
    app = attention(run=run.id)
    assert "Queued, next in line" in "\n".join(str(p.proto.text) for p in app.get("progress"))
    app.button(key="attention_stop").click().run()
    assert runs.get_run(run.id).status is RunStatus.STOPPED
    assert "Stopped by you before it began" in words(app)
    assert links(app)["Measure again"] == f"new=measurement&from={run.id}"


def test_a_failed_one_says_why_and_what_to_do(
    attention: Opener, runs_dir: Path, pictures: Path
) -> None:
    run = queued(runs_dir, pictures, "failed", error_message="It broke.", error_cure="Mend it.")
    app = attention(run=run.id)
    assert "**It broke.** Mend it." in words(app)
    assert links(app)["Settings and log"] == f"run={run.id}"


@pytest.mark.slow
def test_one_of_a_runs_own_network_is_queued_again_as_it_was(
    attention: Opener, small: SmallRuns
) -> None:
    measuring = runs.submit_attention_of(small.delta)
    runs.request_stop(measuring)
    app = attention(run=measuring)
    assert "Measure again" not in links(app), "the form knows pretrained networks alone"
    app.button(key="attention:again").click().run()
    assert not app.exception
    newest = runs.list_runs()[0]
    assert newest.id != measuring
    assert newest.config == runs.get_run(measuring).config
    assert asked(app, "run") == newest.id
    runs.request_stop(newest.id)
    (small.folder(small.delta) / "best.safetensors").unlink()
    app = attention(run=newest.id)
    before = len(runs.list_runs())
    app.button(key="attention:again").click().run()
    assert f"network of {small.delta}, which is not" in app.toast[0].value.replace("\\", "")
    assert len(runs.list_runs()) == before


@pytest.mark.slow
def test_the_form_does_not_take_a_runs_own_network_for_a_pretrained_one(
    attention: Opener, small: SmallRuns
) -> None:
    app = attention(new="measurement", **{"from": runs.submit_attention_of(small.delta)})
    assert "measured the fine-tuned network of a run" in words(app)
    assert field(app, "Folder of pictures").value == ""


# A new one


def filled(app: AppTest, pictures: Path) -> AppTest:
    """A form that lacks nothing: no download either."""
    field(app, "Folder of pictures").set_value(str(pictures)).run()
    return field(app, "Starting weights").set_value("random").run()


def test_with_nothing_chosen_the_button_says_what_is_missing(attention: Opener) -> None:
    app = attention(new="measurement")
    assert app.button(key="measure").label == "Choose a folder of pictures"
    assert app.button(key="measure").disabled
    assert not app.error


@pytest.mark.slow
def test_what_stands_in_the_form_is_measured(
    attention: Opener, pictures: Path, runs_dir: Path
) -> None:
    app = filled(attention(new="measurement"), pictures)
    assert "3 classes · 18 training" in words(app)
    field(app, "Estimator").set_value("combined").run()
    field(app, "How many pictures").set_value("until").run()
    field(app, "Reliability").set_value(0.8).run()
    command = app.code[-1].value
    assert command.startswith("python -m delta_app attention --data ")
    for said in ("--estimator combined", "--attention-reliability 0.8", "--faithfulness"):
        assert said in command
    app.button(key="measure").click().run()
    (run,) = runs.list_runs()
    wanted = RunConfig.model_validate(run.config["run"]).attention
    assert run.kind == ATTENTION
    assert (wanted.estimator, wanted.attention_reliability) == ("combined", 0.8)
    assert (wanted.attention_batches, wanted.faithfulness) == (1, True)
    assert asked(app, "run") == run.id


def test_how_many_pictures_by_batches_or_all(attention: Opener, pictures: Path) -> None:
    app = filled(attention(new="measurement"), pictures)
    assert "--attention-batches" not in app.code[-1].value, "the authors' 4 are the default"
    field(app, "Batches").set_value(7).run()
    assert "--attention-batches 7" in app.code[-1].value
    field(app, "How many pictures").set_value("all").run()
    assert "--attention-batches none" in app.code[-1].value


def test_a_value_that_does_not_fit_stands_beside_its_field(
    attention: Opener, pictures: Path
) -> None:
    app = filled(attention(new="measurement"), pictures)
    field(app, "Temperature").set_value(-1.0).run()
    assert "Temperature: expected more than 0, got -1" in app.error[0].value.replace("\\", "")
    assert app.button(key="measure").label == "Correct step 3: temperature"
    assert app.button(key="measure").disabled


def test_faithfulness_without_held_back_pictures_is_refused(
    attention: Opener, pictures: Path
) -> None:
    app = filled(attention(new="measurement"), pictures)
    field(app, "Validation share").set_value(0.0).run()
    assert not app.error, "there is a test share"
    field(app, "Test share").set_value(0.0).run()
    (error,) = app.error
    assert "Give a validation or test share above 0" in error.value
    assert app.button(key="measure").label == "Correct step 3: faithfulness"
    field(app, "Measure faithfulness too").set_value(False).run()
    assert not app.error
    assert app.button(key="measure").label == "Measure"


def test_a_measurement_is_set_up_again_as_it_was(
    attention: Opener, runs_dir: Path, pictures: Path
) -> None:
    config = measurement(pictures)
    wanted = config.attention.model_copy(
        update={"estimator": "first-order", "attention_batches": None, "temperature": 2.0}
    )
    again = runs.submit_attention(config.model_copy(update={"attention": wanted}))
    app = attention(new="measurement", **{"from": again})
    app.button(key="measure").click().run()
    newest = RunConfig.model_validate(runs.list_runs()[0].config["run"])
    assert newest.attention == wanted
    assert newest.data == config.data
    assert newest.model == config.model


def test_a_measurement_until_reliable_is_set_up_again_with_its_least_number_of_batches(
    attention: Opener, runs_dir: Path, pictures: Path
) -> None:
    config = measurement(pictures)
    wanted = config.attention.model_copy(
        update={"attention_batches": 8, "attention_reliability": 0.9995, "faithfulness": True}
    )
    again = runs.submit_attention(config.model_copy(update={"attention": wanted}))
    app = attention(new="measurement", **{"from": again})
    assert field(app, "Reliability").value == 0.9995
    assert "On 8 batches at least." in words(app)
    app.button(key="measure").click().run()
    newest = RunConfig.model_validate(runs.list_runs()[0].config["run"])
    assert newest.attention == wanted


def test_an_edit_after_measure_again_stays(
    attention: Opener, runs_dir: Path, pictures: Path
) -> None:
    again = runs.submit_attention(measurement(pictures))
    app = attention(new="measurement", **{"from": again})
    field(app, "Batches").set_value(7).run()
    assert field(app, "Batches").value == 7
    app.run()
    assert field(app, "Batches").value == 7
    assert "--attention-batches 7" in app.code[-1].value


def test_the_second_folder_that_is_typed_stays(
    attention: Opener, pictures: Path, tmp_path: Path
) -> None:
    other = draw_folder(tmp_path / "others", seed=1)
    app = attention(new="measurement")
    field(app, "Folder of pictures").set_value(str(pictures)).run()
    assert asked(app, "data") == str(pictures)
    field(app, "Folder of pictures").set_value(str(other)).run()
    app.run()
    assert field(app, "Folder of pictures").value == str(other)
    assert asked(app, "data") == str(other)

"""Fine-tune by DELTA with an attention that is there: picked by name, or typed as a path."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from page_words import words
from small_runs import SMALL, SmallRuns, copied
from streamlit.testing.v1 import AppTest

from delta_app.attention.artifact import load_attention
from delta_app.services import runs
from delta_app.training.run_config import RunConfig

Opener = Callable[..., AppTest]
FINE_TUNE = "pages/fine_tune.py"


@pytest.fixture
def small(runs_dir: Path) -> SmallRuns:
    """The app's runs folder holds a DELTA run that measured its attention."""
    return copied(runs_dir)


def widget(app: AppTest, label: str) -> Any:
    fields = (*app.text_input, *app.number_input, *app.selectbox, *app.segmented_control)
    return next((field for field in fields if field.label == label), None)


def from_a_file(app: AppTest, pictures: Path, backbone: str) -> AppTest:
    """The form, complete but for the file."""
    widget(app, "Folder of pictures").set_value(str(pictures)).run()
    app.button(key="step:2").click().run()
    widget(app, "Backbone").set_value(backbone).run()
    widget(app, "Starting weights").set_value("random").run()
    app.button(key="step:3").click().run()
    return widget(app, "Channel attention").set_value("file").run()


def config_of(app: AppTest) -> RunConfig:
    app.button(key="start").click().run()
    assert not app.exception
    return RunConfig.model_validate(runs.list_runs(status=runs.RunStatus.QUEUED)[0].config)


@pytest.mark.slow
def test_a_measurement_of_this_backbone_is_picked_by_name(
    open_page: Opener, small: SmallRuns, pictures: Path
) -> None:
    app = from_a_file(open_page(FINE_TUNE), pictures, SMALL["backbone"])
    measurement = widget(app, "Measurement")
    delta = runs.get_run(small.delta)
    assert measurement.options == [
        f"{delta.name} · exact, 8 pictures of shapes",
        "A file of my own",
    ]
    assert measurement.value is None
    assert app.button(key="start").label == "Correct step 3: channel attention"
    path = str(small.folder(small.delta) / "attention.json")
    measurement.set_value(path).run()
    assert not app.error
    assert app.button(key="start").label == "Start"
    assert config_of(app).method.model_dump()["attention"] == path


@pytest.mark.slow
def test_a_path_can_be_typed_beside_those_that_are_offered(
    open_page: Opener, small: SmallRuns, pictures: Path, tmp_path: Path
) -> None:
    app = from_a_file(open_page(FINE_TUNE), pictures, SMALL["backbone"])
    assert widget(app, "Attention file") is None
    widget(app, "Measurement").set_value("").run()
    assert widget(app, "Attention file").value == ""
    widget(app, "Attention file").set_value(str(tmp_path / "gone.json")).run()
    assert "There is no attention file" in words(app)
    own = tmp_path / "own.json"
    own.write_bytes((small.folder(small.delta) / "attention.json").read_bytes())
    widget(app, "Attention file").set_value(str(own)).run()
    assert widget(app, "Measurement").value == ""
    assert widget(app, "Temperature") is None  # the file holds the attention itself
    assert config_of(app).method.model_dump()["attention"] == str(own)


@pytest.mark.slow
def test_where_nothing_was_measured_on_the_backbone_only_a_path_is_asked_for(
    open_page: Opener, small: SmallRuns, pictures: Path
) -> None:
    app = from_a_file(open_page(FINE_TUNE), pictures, "resnet18")
    assert widget(app, "Measurement") is None
    assert widget(app, "Attention file").value == ""


@pytest.mark.slow
def test_importances_of_the_authors_form_ask_for_their_temperature(
    open_page: Opener, small: SmallRuns, pictures: Path, tmp_path: Path
) -> None:
    app = from_a_file(open_page(FINE_TUNE), pictures, SMALL["backbone"])
    layers = load_attention(small.folder(small.delta) / "attention.json").layers.values()
    authors = tmp_path / "authors.json"
    authors.write_text(json.dumps([layer.importance.tolist() for layer in layers]))
    widget(app, "Measurement").set_value("").run()
    widget(app, "Attention file").set_value(str(authors)).run()
    assert "with this temperature" in words(app)
    widget(app, "Temperature").set_value(2.0).run()
    config = config_of(app)
    assert config.attention.temperature == 2.0
    assert config.flat()["temperature"] == 2.0


@pytest.mark.slow
def test_a_measurement_at_other_layers_is_said_before_the_run(
    open_page: Opener, small: SmallRuns, pictures: Path
) -> None:
    path = small.folder(small.delta) / "attention.json"
    content = json.loads(path.read_text())
    lacking = content["layers"].pop()["name"]
    path.write_text(json.dumps(content))
    app = from_a_file(open_page(FINE_TUNE), pictures, SMALL["backbone"])
    widget(app, "Measurement").set_value(str(path)).run()
    assert f"has no attention for the layer {lacking}" in words(app)
    assert app.button(key="start").label == "Correct step 3: channel attention"


@pytest.mark.slow
def test_a_file_that_is_none_is_said_beside_its_field(
    open_page: Opener, small: SmallRuns, pictures: Path, tmp_path: Path
) -> None:
    app = from_a_file(open_page(FINE_TUNE), pictures, "resnet18")
    (tmp_path / "notes.json").write_text("{}")
    widget(app, "Attention file").set_value(str(tmp_path / "notes.json")).run()
    (error,) = app.error
    assert "notes.json is not an attention file of this app" in error.value.replace("\\", "")
    assert app.button(key="start").disabled
    of_another = small.folder(small.delta) / "attention.json"
    widget(app, "Attention file").set_value(str(of_another)).run()
    (error,) = app.error
    assert "has no attention for the layer layer1" in error.value.replace("\\", "")

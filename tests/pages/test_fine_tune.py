"""Fine-tune: what is chosen, what is found in it, what is wrong with it, and what is queued."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from page_words import words
from streamlit.testing.v1 import AppTest
from torchvision.models import shufflenet_v2_x0_5

from delta_app.services import runs
from delta_app.services.forms import command_line
from delta_app.training.run_config import RunConfig

FINE_TUNE = "pages/fine_tune.py"


def widget(app: AppTest, label: str) -> Any:
    """The field of that label."""
    fields = (*app.text_input, *app.number_input, *app.selectbox, *app.segmented_control)
    return next(field for field in (*fields, *app.multiselect) if field.label == label)


def enter(app: AppTest, **values: Any) -> AppTest:
    """Enter values by label, "_" for a blank; one run of the page for all."""
    for label, value in values.items():
        widget(app, label.replace("_", " ")).set_value(value)
    return app.run()


def filled(app: AppTest, pictures: Path) -> AppTest:
    """A form that lacks nothing: no download either."""
    enter(app, Folder_of_pictures=str(pictures))
    app.button(key="step:2").click().run()
    return enter(app, Starting_weights="random")


def start(app: AppTest) -> Any:
    return app.button(key="start")


def queued() -> list[RunConfig]:
    records = sorted(runs.list_runs(), key=lambda record: record.queue_position or 0)
    return [RunConfig.model_validate(record.config) for record in records]


def test_with_nothing_chosen_the_button_says_what_is_missing(open_page: Any) -> None:
    app = open_page(FINE_TUNE)
    assert start(app).label == "Choose a folder of pictures"
    assert start(app).disabled
    assert app.button(key="start-all").disabled
    assert "What a folder should look like" in words(app)
    assert not app.error  # what was not entered yet is no mistake


def test_a_folder_is_checked_split_and_shown_at_once(open_page: Any, pictures: Path) -> None:
    app = enter(open_page(FINE_TUNE), Folder_of_pictures=str(pictures))
    # 10 a class: 2 to test, 0.2 of the other 8, rounded, to validate.
    assert "3 classes · 18 training, 6 validation, 6 test pictures" in words(app)
    assert {c.value for c in app.caption} >= {"blue", "green", "red"}
    chart = app.get("plotly_chart")[0]
    assert '"training"' in chart.proto.spec
    enter(app, Test_share=0.0, Pictures_per_class_at_most="3")
    assert "3 classes · 9 training, 6 validation pictures" in words(app)


def test_start_queues_what_stands_in_the_form_and_opens_the_run(
    open_page: Any, pictures: Path
) -> None:
    app = filled(open_page(FINE_TUNE), pictures)
    app.button(key="step:3").click().run()
    enter(app, Method="l2_sp")
    enter(app, Epochs=7, Learning_rate=0.005, Alpha=0.1, Parameters_held="convolutions")
    assert start(app).label == "Start"
    command = app.code[-1].value
    start(app).click().run()
    wanted = {"method": "l2_sp", "data": str(pictures), "weights": "random", "epochs": 7}
    settings = {"lr": 0.005, "alpha": 0.1, "parameters": "convolutions"}
    config = RunConfig.from_flat(wanted | settings | {"backbone": "mobilenet_v2"})
    assert queued() == [config]
    assert app.query_params["run"] == runs.list_runs()[0].id
    assert command == command_line(config, runs_dir=runs.list_runs()[0].folder.parent)


@pytest.mark.slow
def test_all_three_are_queued_each_with_its_own_alpha(open_page: Any, pictures: Path) -> None:
    app = filled(open_page(FINE_TUNE), pictures)
    app.button(key="step:3").click().run()
    enter(app, Alpha=0.5, Epochs=3)
    app.button(key="start-all").click().run()
    configs = queued()
    assert [config.variant.key for config in configs] == ["l2", "l2_sp", "delta"]
    assert [config.optimization.epochs for config in configs] == [3, 3, 3]
    assert [config.flat().get("alpha") for config in configs] == [None, 0.01, 0.5]
    assert len({(c.data, c.model, c.optimization) for c in configs}) == 1


@pytest.mark.slow
def test_what_does_not_fit_is_said_beside_its_field_and_nothing_starts(
    open_page: Any, pictures: Path
) -> None:
    app = filled(open_page(FINE_TUNE), pictures)
    app.button(key="step:3").click().run()
    enter(app, Epochs=0, CPU_threads="many")
    said = [error.value.replace("\\", "") for error in app.error]
    assert said == [
        "Epochs: expected at least 1, got 0. Enter a whole number: 1 to 10000.",
        "CPU threads: expected a whole number, got many. Enter a whole number: 1 to 256.",
    ]
    assert start(app).label == "Correct step 3: epochs"
    assert start(app).disabled
    enter(app, Epochs=1, CPU_threads="")
    assert not app.error
    assert start(app).label == "Start"


@pytest.mark.slow
def test_a_linear_probe_is_not_asked_for_what_does_nothing(open_page: Any, pictures: Path) -> None:
    app = filled(open_page(FINE_TUNE), pictures)
    app.button(key="step:3").click().run()
    asked = {"BatchNorm of the target", "Dropout"}
    assert asked < {each.label for each in (*app.selectbox, *app.text_input)}
    enter(app, Method="linear_probe")
    assert not asked & {each.label for each in (*app.selectbox, *app.text_input)}
    assert start(app).label == "Start"


def test_a_share_that_leaves_nothing_to_validate_is_said_in_its_step(
    open_page: Any, pictures: Path
) -> None:
    app = filled(open_page(FINE_TUNE), pictures)
    enter(app, Validation_share=0.9)
    assert "Validation share: expected at most 0.8, got 0.9." in words(app)
    assert start(app).label == "Correct step 1: validation share"


def test_the_right_folder_is_offered_for_one_a_level_too_high(
    open_page: Any, pictures: Path, tmp_path: Path
) -> None:
    above = tmp_path / "above"
    (above / "shapes").parent.mkdir()
    pictures.rename(above / "shapes")
    app = enter(open_page(FINE_TUNE), Folder_of_pictures=str(above))
    assert "One level too high" in words(app)
    assert start(app).label == "Choose another folder"
    app.button(key="suggestion:0").click().run()
    assert widget(app, "Folder of pictures").value == str(above / "shapes")
    assert "3 classes" in words(app)


def test_a_picture_that_cannot_be_read_is_named(open_page: Any, pictures: Path) -> None:
    cut = pictures / "red" / "00.png"
    cut.write_bytes(cut.read_bytes()[:60])
    app = enter(open_page(FINE_TUNE), Folder_of_pictures=str(pictures))
    assert "in red cannot be read and is left out: 00.png (ends too early)." in words(app)
    assert [fold.label for fold in app.expander if "Left out" in fold.label] == ["Left out: 1 file"]
    assert "red/00.png" in app.code[0].value


def test_a_folder_that_cannot_be_used_still_names_everything_found(
    open_page: Any, pictures: Path
) -> None:
    (pictures / "lonely").mkdir()
    some = next(path for path in sorted(pictures.rglob("*")) if path.is_file())
    (pictures / "lonely" / f"a{some.suffix}").write_bytes(some.read_bytes())
    (some.parent / "cut.jpg").write_bytes(b"")
    app = enter(open_page(FINE_TUNE), Folder_of_pictures=str(pictures))
    assert start(app).disabled
    assert "lonely" in "\n".join(error.value for error in app.error)
    assert "cut.jpg" in words(app)


def test_browsing_begins_where_one_may_browse(
    open_page: Any, pictures: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "allowed" / "inside").mkdir(parents=True)
    monkeypatch.setenv("DELTA_ROOTS", str(tmp_path / "allowed"))
    app = enter(open_page(FINE_TUNE), Folder_of_pictures=str(pictures))
    app.button(key="browse:data").click().run()
    (error,) = app.error  # of the folder that was typed; browsing does not begin there
    assert str(pictures) in error.value.replace("\\", "")
    assert not app.exception
    assert "inside" in [button.label for button in app.button]


@pytest.mark.slow
@pytest.mark.parametrize("missing", [True, False])
def test_a_weights_file_is_checked_and_reported(
    open_page: Any, pictures: Path, tmp_path: Path, missing: bool
) -> None:
    path = tmp_path / "own.pth"
    app = filled(open_page(FINE_TUNE), pictures)
    enter(app, Backbone="shufflenet_v2_x0_5", Starting_weights="file")
    assert start(app).label == "Correct step 2: starting weights"
    if not missing:
        state = {f"module.{n}": t for n, t in shufflenet_v2_x0_5().state_dict().items()}
        del state["module.fc.bias"]
        torch.save({"state_dict": state}, path)
    enter(app, Weights_file=str(path))
    if missing:
        assert str(path) in app.error[0].value.replace("\\", "")
        assert start(app).disabled
    else:
        assert "Missing, so left at random: fc.bias." in words(app)
        assert start(app).label == "Start"


@pytest.mark.slow
def test_a_run_again_with_changes_opens_the_form_as_that_run_was(
    open_page: Any, pictures: Path
) -> None:
    config = RunConfig.from_flat(
        {
            "data": str(pictures),
            "backbone": "resnet18",
            "weights": "random",
            "image_size": 64,
            "behaviour_layers": ("layer1.1.conv2", "layer4.1.conv2"),
            "method": "delta",
            "alpha": 0.25,
            "attention": "shuffled",
            "attention_batches": None,
            "temperature": 2.0,
            "per_class": 5,
            "test_fraction": 0.3,
            "optimizer": "adamw",
            "channels_last": False,
            "head_lr": 0.05,
            "device": "cpu",
        }
    )
    run_id = runs.submit(config)
    app = open_page(FINE_TUNE, **{"from": run_id})
    assert start(app).label == "Start"
    start(app).click().run()
    assert queued() == [config, config]


def test_the_form_is_kept_while_other_pages_are_looked_at(open_page: Any, pictures: Path) -> None:
    app = filled(open_page(FINE_TUNE), pictures)
    app.button(key="step:3").click().run()
    enter(app, Alpha=0.3, Epochs=9)
    enter(app, Method="l2_sp")
    assert widget(app, "Alpha").value == 0.01  # another thing than DELTA's
    app.switch_page("pages/start.py").run()
    app.switch_page(FINE_TUNE).run()
    assert widget(app, "Folder of pictures").value == str(pictures)
    assert widget(app, "Epochs").value == 9
    enter(app, Method="delta")
    assert widget(app, "Alpha").value == 0.3


def test_a_run_that_is_not_there_is_said(open_page: Any) -> None:
    app = open_page(FINE_TUNE, **{"from": "no-such-run"})
    assert "no-such-run" in app.error[0].value.replace("\\", "")

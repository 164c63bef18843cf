"""A form's values: every complaint beside its field, and a command that means the same."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

import pytest

from delta_app.cli.commands import attention
from delta_app.cli.run_settings import add_settings, run_config
from delta_app.regularizers import methods
from delta_app.runs.records import ATTENTION
from delta_app.services.forms import command_line, settings_of, validate, variants_of
from delta_app.training.run_config import RunConfig

GIVEN = {"data": "/pictures", "backbone": "resnet18"}


def config_of(**values: Any) -> RunConfig:
    config = validate(GIVEN | values)
    assert isinstance(config, RunConfig), config
    return config


def complaints_of(**values: Any) -> dict[str | None, str]:
    errors = validate(GIVEN | values)
    assert not isinstance(errors, RunConfig)
    return {error.field: str(error) for error in errors}


def parsed(command: str) -> RunConfig:
    """The command as the real command line reads it."""
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "delta_app", "train"]
    parser = argparse.ArgumentParser()
    add_settings(parser)
    parser.add_argument("--config")
    parser.add_argument("--runs-dir")
    return run_config(parser.parse_args(words[4:]))


@pytest.mark.parametrize("method", [each.name for each in methods()])
def test_the_command_of_the_defaults_names_no_setting(method: str) -> None:
    command = command_line(config_of(method=method))
    assert command == (
        f"python -m delta_app train --method {method} --data /pictures --backbone resnet18"
    )
    assert parsed(command) == config_of(method=method)


@pytest.mark.parametrize("method", [each.name for each in methods()])
def test_the_command_says_every_setting_that_differs_and_nothing_else(method: str) -> None:
    changed: dict[str, Any] = {"data": "/my pictures/it's", "weights": "/w/a b.pth"}
    for info in settings_of(method).values():
        if info.kind == "bool":
            changed[info.name] = not info.default
        elif info.kind == "choice":
            changed[info.name] = next(c for c in info.choices if c != info.default)
        elif info.kind == "list":
            layers = ("layer1.0.conv2", "layer4.1.conv2")
            changed[info.name] = (3, 4) if info.name == "more_epochs" else layers
        elif info.optional:
            within = 48 if (info.maximum or 48) >= 48 else info.maximum / 2
            changed[info.name] = None if info.default is not None else within
        elif info.kind == "int":
            changed[info.name] = info.default + 1
        elif info.kind == "float":
            changed[info.name] = 0.12345678901
    changed |= {"precision": "bf16", "step_at": 0.5, "device": "cpu"}
    config = config_of(method=method, **changed)
    command = command_line(config)
    assert parsed(command) == config
    for info in settings_of(method).values():
        said = any(word in (info.flag, f"--no-{info.flag[2:]}") for word in shlex.split(command))
        assert said == (info.required or config.flat()[info.name] != info.default), info.name


def test_a_shell_reads_the_folder_as_one_word() -> None:
    command = command_line(config_of(method="l2", data="/my pictures; rm -r x"))
    assert "'/my pictures; rm -r x'" in command


def test_the_runs_folder_is_named_where_it_is_not_the_default() -> None:
    command = command_line(config_of(method="l2"), runs_dir=Path("/data/my runs"))
    assert command.endswith("--runs-dir '/data/my runs'")


def test_a_measurement_of_attention_has_a_command_of_its_own() -> None:
    settings = {"attention_batches": None, "attention_reliability": 0.8, "image_size": 64}
    config = config_of(method="delta", epochs=3, alpha=0.5, threads=1, **settings)
    words = shlex.split(command_line(config, kind=ATTENTION, runs_dir="/runs"))
    assert words[:4] == ["python", "-m", "delta_app", "attention"]
    parser = argparse.ArgumentParser()
    attention.COMMAND.add_options(parser)
    options = parser.parse_args(words[4:])
    assert options.runs_dir == "/runs"
    measured = run_config(options)
    assert (measured.data, measured.model) == (config.data, config.model)
    assert measured.attention == config.attention
    assert measured.optimization.threads == 1
    # What only training depends on is not said.
    assert not {"--epochs", "--alpha", "--method"} & set(words)


def test_every_complaint_comes_at_once_with_its_field_and_value() -> None:
    errors = complaints_of(method="l2", epochs=0, lr=-1.0, batch_size=None, schedule="linear")
    assert set(errors) == {"epochs", "lr", "batch_size", "schedule"}
    assert "at least 1" in errors["epochs"]
    assert "got 0" in errors["epochs"]
    assert "more than 0" in errors["lr"]
    assert "got -1" in errors["lr"]
    assert "step, exponential, cosine, constant" in errors["schedule"]


def test_what_is_missing_does_not_hide_what_is_wrong() -> None:
    errors = complaints_of(method="l2", data="", backbone=None, epochs=0)
    assert set(errors) == {"data", "backbone", "epochs"}
    assert errors["data"].startswith("Folder of pictures is missing.")


def test_settings_of_other_methods_are_left_out() -> None:
    config = config_of(method="l2", alpha=5.0, weight_decay=0.01)
    assert config.flat()["weight_decay"] == 0.01
    assert "alpha" not in config.flat()


def test_a_device_that_is_not_there() -> None:
    assert "no such" not in complaints_of(method="l2", device="tpu")["device"]
    assert set(complaints_of(method="l2", device="cuda:77")) == {"device"}


@pytest.mark.parametrize("text", ["/nowhere/attention.json", ""])
def test_an_attention_file_must_be_there(text: str) -> None:
    errors = complaints_of(method="delta", attention=text)
    assert set(errors) == {"attention"}
    assert "learned" in errors["attention"]


def test_an_unknown_method_is_a_complaint_about_the_method() -> None:
    assert set(complaints_of(method="l3")) == {"method"}


def test_the_same_form_by_three_methods_keeps_each_ones_own_settings() -> None:
    values = GIVEN | {"method": "delta", "alpha": 0.3, "epochs": 7, "attention": "uniform"}
    forms = variants_of(values, ("l2", "l2_sp", "delta"))
    configs = {name: validate(form) for name, form in forms.items()}
    assert all(isinstance(config, RunConfig) for config in configs.values())
    flat = {name: c.flat() for name, c in configs.items() if isinstance(c, RunConfig)}
    assert [flat[name]["epochs"] for name in ("l2", "l2_sp", "delta")] == [7, 7, 7]
    assert flat["delta"]["alpha"] == 0.3
    assert flat["l2_sp"]["alpha"] == 0.01  # L2-SP's default, not DELTA's choice
    assert flat["l2"]["weight_decay"] == 1e-4

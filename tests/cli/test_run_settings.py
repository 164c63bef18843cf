"""Options made from settings: every setting is one, and nothing is taken that does nothing."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from pathlib import Path

import pytest

from delta_app.cli.command import UsageError
from delta_app.cli.commands import attention
from delta_app.cli.run_settings import add_settings, run_config
from delta_app.errors import SettingsError
from delta_app.services.forms import command_line
from delta_app.training.run_config import RunConfig, all_settings

NEEDED = ["--data", "pictures", "--backbone", "resnet18"]


def parse(*words: str, measuring: bool = False) -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_settings(parser, measuring=measuring)
    parser.add_argument("--config")
    return parser.parse_args(words)


def config_of(*words: str) -> RunConfig:
    return run_config(parse(*words))


def test_every_setting_is_an_option_with_its_help() -> None:
    parser = argparse.ArgumentParser()
    add_settings(parser)
    text = " ".join(parser.format_help().split())
    for info in all_settings().values():
        assert info.flag in text, info.name
        assert " ".join(info.help.split()[:4]) in text, info.name


def test_options_become_the_config() -> None:
    config = config_of(
        *NEEDED,
        *("--method", "delta", "--attention", "uniform", "--alpha", "0.1", "--epochs", "3"),
        *("--per-class", "5", "--no-channels-last", "--behaviour-layers", "layer1.0.conv2, layer4"),
    )
    assert config.method.model_dump()["alpha"] == 0.1
    assert config.optimization.epochs == 3
    assert config.data.per_class == 5
    assert config.optimization.channels_last is False
    assert config.model.behaviour_layers == ("layer1.0.conv2", "layer4")
    assert config.data.data == os.path.abspath("pictures")


def test_none_empties_a_setting_that_may_be_empty() -> None:
    config = config_of(*NEEDED, "--method", "delta", "--attention-batches", "none")
    assert config.attention.attention_batches is None


@pytest.mark.parametrize(
    ("method", "option"),
    [
        ("l2", ["--alpha", "0.1"]),
        ("l2", ["--attention", "uniform"]),
        ("delta", ["--weight-decay", "0.1"]),
        ("l2_sp", ["--batch-reading", "sum"]),
        ("feature_map", ["--attention-batches", "4"]),
        ("linear_probe", ["--batchnorm", "frozen"]),
        ("linear_probe", ["--dropout", "0.5"]),
    ],
)
def test_an_option_of_another_method_is_refused(method: str, option: list[str]) -> None:
    with pytest.raises(UsageError, match=f"^{option[0]}: --method {method} has no such option"):
        config_of(*NEEDED, "--method", method, *option)


def test_an_option_that_would_do_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^--head-epochs: nothing is measured .* uniform"):
        config_of(*NEEDED, "--method", "delta", "--attention", "uniform", "--head-epochs", "3")


def test_a_value_out_of_range_names_option_range_and_value() -> None:
    with pytest.raises(UsageError, match=r"^--lr: .*more than 0.*got -1"):
        config_of(*NEEDED, "--method", "l2", "--lr", "-1")


def test_what_is_missing_is_named() -> None:
    with pytest.raises(UsageError, match=r"^--data, --backbone must be given"):
        config_of("--method", "l2")
    with pytest.raises(UsageError, match=r"^--method is missing"):
        config_of(*NEEDED)


def test_an_attention_file_that_is_not_there_is_no_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no attention file"):
        config_of(*NEEDED, "--method", "delta", "--attention", str(tmp_path / "none.json"))


def written(config: RunConfig, folder: Path) -> str:
    path = folder / "config.json"
    path.write_text(json.dumps(config.model_dump(mode="json")))
    return str(path)


def test_a_config_file_is_the_same_run(tmp_path: Path) -> None:
    first = config_of(*NEEDED, "--method", "delta", "--alpha", "0.3", "--seed", "7")
    assert config_of("--config", written(first, tmp_path)) == first


def test_options_override_the_config_file(tmp_path: Path) -> None:
    path = written(config_of(*NEEDED, "--method", "l2", "--lr", "0.1", "--seed", "7"), tmp_path)
    again = config_of("--config", path, "--seed", "8")
    assert (again.optimization.seed, again.optimization.lr) == (8, 0.1)


def test_another_method_does_not_inherit_alpha(tmp_path: Path) -> None:
    """0.5 of L2-SP means nothing to the feature map term, whose own default is 1e-4."""
    path = written(config_of(*NEEDED, "--method", "l2_sp", "--alpha", "0.5"), tmp_path)
    again = config_of("--config", path, "--method", "feature_map")
    assert again.method.model_dump()["alpha"] == 1e-4


def test_faithfulness_is_an_option_of_a_measurement_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*NEEDED, "--method", "delta", "--faithfulness"]
    with pytest.raises(SystemExit):
        parse(*words)
    assert "unrecognized arguments: --faithfulness" in capsys.readouterr().err
    asked = run_config(parse(*words, measuring=True), measuring=True)
    assert asked.attention.faithfulness
    kept = ["--config", written(asked, tmp_path)]
    assert run_config(parse(*kept, measuring=True), measuring=True) == asked
    refused = run_config(parse(*kept, "--no-faithfulness", measuring=True), measuring=True)
    assert not refused.attention.faithfulness
    assert not config_of(*kept).attention.faithfulness, "a training run measures none"


def attention_config(path: str, *words: str) -> RunConfig:
    """What `attention --config` makes of a file."""
    parser = argparse.ArgumentParser()
    attention.COMMAND.add_options(parser)
    return attention.config_of(parser.parse_args(["--config", path, *words]))


@pytest.fixture
def until_reliable(tmp_path: Path) -> str:
    """config.json of a measurement that went on until a reliability of its own."""
    asked = ("--attention-batches", "2", "--attention-reliability", "0.75")
    return written(config_of(*NEEDED, "--method", "delta", *asked), tmp_path)


def test_until_stable_keeps_the_reliability_of_the_config(
    until_reliable: str, tmp_path: Path
) -> None:
    stable = ("--batches", "until-stable")
    kept = attention_config(until_reliable, *stable).attention
    assert (kept.attention_batches, kept.attention_reliability) == (1, 0.75)
    typed = attention_config(until_reliable, *stable, "--attention-reliability", "0.5").attention
    assert typed.attention_reliability == 0.5
    without = written(config_of(*NEEDED, "--method", "delta"), tmp_path)
    assert attention_config(without, *stable).attention.attention_reliability == attention.STABLE


def test_a_number_of_batches_drops_the_reliability_of_the_config(until_reliable: str) -> None:
    fixed = attention_config(until_reliable, "--batches", "4").attention
    assert (fixed.attention_batches, fixed.attention_reliability) == (4, None)


def test_data_and_network_of_a_measured_run_cannot_be_changed(tmp_path: Path) -> None:
    config = config_of(*NEEDED, "--method", "delta")
    of = config.attention.model_copy(update={"attention_of": str(tmp_path / "l2-abc")})
    path = written(config.model_copy(update={"attention": of}), tmp_path)
    assert attention_config(path, "--temperature", "2").attention.temperature == 2
    with pytest.raises(UsageError, match=r"^--data, --backbone: --config .* network of l2-abc"):
        attention_config(path, *NEEDED)


@pytest.mark.parametrize("content", ["{", "[]", '{"data": {}}', '{"method": {"method": "x"}}'])
def test_a_config_file_that_is_none_says_so(content: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(SettingsError):
        config_of("--config", str(path))


@pytest.mark.parametrize(
    "words",
    [
        ("--method", "delta", "--attention", "shuffled", "--temperature", "2.5"),
        ("--method", "feature_map", "--alpha", "0.00003", "--no-channels-last"),
        ("--method", "l2", "--data", "a folder/it's"),
        ("--method", "linear_probe", "--val-fraction", "0", "--per-class", "3"),
    ],
)
def test_the_command_line_shown_on_the_screen_is_the_same_run(words: tuple[str, ...]) -> None:
    config = config_of(*NEEDED, *words)
    shown = shlex.split(command_line(config))
    assert shown[:4] == ["python", "-m", "delta_app", "train"]
    assert config_of(*shown[4:]) == config


def test_a_run_trains_its_own_network_with_the_settings_of_a_measurement(tmp_path: Path) -> None:
    """Whose network was measured is no setting of a run that trains."""
    config = config_of(*NEEDED, "--method", "delta")
    of = config.attention.model_copy(update={"attention_of": str(tmp_path / "l2-abc")})
    file = tmp_path / "config.json"
    file.write_text(config.model_copy(update={"attention": of}).model_dump_json())
    assert config_of("--config", str(file)).attention.attention_of is None

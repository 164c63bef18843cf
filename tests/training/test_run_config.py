"""The run's settings: groups put together, refused where they do not fit, kept as JSON."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from delta_app.config import AttentionSettings
from delta_app.errors import SettingsError
from delta_app.regularizers.delta import DeltaSettings
from delta_app.training.run_config import RunConfig, all_settings, setting_groups

LEAST: dict[str, Any] = {"data": "pictures", "backbone": "resnet18", "method": "delta"}


def test_defaults_are_the_authors() -> None:
    config = RunConfig.from_flat(LEAST)
    assert isinstance(config.method, DeltaSettings)
    assert (config.method.alpha, config.method.beta) == (0.01, 0.01)
    assert config.optimization.batch_size == 64
    assert (config.optimization.lr, config.optimization.momentum) == (0.01, 0.9)
    assert (config.attention.attention_batches, config.attention.temperature) == (4, 5.0)


def test_json_and_back_keeps_the_methods_own_settings() -> None:
    config = RunConfig.from_flat(LEAST | {"alpha": 0.1, "attention": "uniform", "epochs": 3})
    again = RunConfig.model_validate_json(config.model_dump_json())
    assert again == config
    assert again.variant.key == "delta_uniform"


def test_flat_and_back() -> None:
    config = RunConfig.from_flat(LEAST | {"per_class": 5})
    assert RunConfig.from_flat(config.flat()) == config


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"method": "l2", "alpha": 0.1}, "alpha"),
        ({"method": "l2_sp", "attention": "uniform"}, "attention"),
        ({"method": "l2", "attention_batches": 4}, "attention_batches"),
        ({"epochs": 0}, "epochs"),
        ({"lr": -1.0}, "lr"),
        ({"schedule": "sawtooth"}, "schedule"),
        ({"no_such_thing": 1}, "no_such_thing"),
        ({"method": "l3"}, "method"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(change: dict[str, Any], field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        RunConfig.from_flat(LEAST | change)
    assert caught.value.field == field
    assert caught.value.cure


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_what_is_not_finite_is_refused_also_without_a_limit(value: float) -> None:
    with pytest.raises(SettingsError) as caught:
        RunConfig.from_flat(
            {"data": "d", "backbone": "resnet18", "method": "l2", "warmup_epochs": value}
        )
    assert caught.value.field == "warmup_epochs"


def test_the_attention_group_counts_only_where_attention_is_measured() -> None:
    assert "temperature" in RunConfig.from_flat(LEAST).flat()
    assert "temperature" not in RunConfig.from_flat(LEAST | {"attention": "uniform"}).flat()
    assert "attention" not in setting_groups("l2")


def test_what_only_a_measurement_has_is_no_setting_of_a_training_run() -> None:
    assert "faithfulness" not in all_settings()
    assert "faithfulness" in all_settings(measuring=True)
    config = RunConfig.from_flat(LEAST | {"faithfulness": True})
    assert config.attention.faithfulness
    assert "faithfulness" not in config.flat()
    assert config.flat(measuring=True)["faithfulness"] is True
    assert RunConfig.from_flat(config.flat(measuring=True)) == config


def test_faithfulness_is_no_part_of_what_determines_the_attention() -> None:
    plain, asked = (
        RunConfig.from_flat(LEAST | {"faithfulness": each}).attention for each in (False, True)
    )
    assert plain.determining() == asked.determining()
    left_out = set(AttentionSettings.model_fields) - set(plain.determining())
    assert left_out == {"faithfulness", "attention_of"}


def test_whose_network_is_measured_is_kept_but_is_no_setting_to_fill_in() -> None:
    config = RunConfig.from_flat(LEAST)
    of = config.model_copy(
        update={"attention": config.attention.model_copy(update={"attention_of": "/runs/l2-aaa"})}
    )
    again = RunConfig.model_validate_json(of.model_dump_json())
    assert again.attention.attention_of == "/runs/l2-aaa"
    assert again.flat(measuring=True) == config.flat(measuring=True)
    assert "attention_of" not in all_settings(measuring=True)


def test_the_temperature_counts_for_a_file_of_the_authors_form_alone(tmp_path: Path) -> None:
    authors, own = tmp_path / "authors.json", tmp_path / "own.json"
    authors.write_text("[[0.5, 0.25]]")
    own.write_text('{"format": 1}')
    values = LEAST | {"temperature": 2.0}
    found = RunConfig.from_flat(values | {"attention": str(authors)})
    assert found.flat()["temperature"] == 2.0
    assert "head_epochs" not in found.flat()
    assert RunConfig.from_flat(found.flat()) == found
    assert "temperature" not in RunConfig.from_flat(values | {"attention": str(own)}).flat()


@pytest.mark.parametrize("name", ["batchnorm", "dropout"])
def test_a_frozen_backbone_has_no_settings_of_train_mode(name: str) -> None:
    of_probe, of_l2 = (
        {info.name for info in setting_groups(method)["optimization"]}
        for method in ("linear_probe", "l2")
    )
    assert name in of_l2
    assert name not in of_probe
    probe = LEAST | {"method": "linear_probe"}
    assert name not in RunConfig.from_flat(probe).flat()
    with pytest.raises(SettingsError, match=f"{name} is not a setting of the method linear_probe"):
        RunConfig.from_flat(probe | {name: None})


def test_a_probe_of_an_older_version_can_still_be_read() -> None:
    values = RunConfig.from_flat(LEAST | {"method": "linear_probe"}).model_dump(mode="json")
    values["optimization"] |= {"batchnorm": "frozen", "dropout": 0.5}
    old = RunConfig.model_validate(values)
    assert (old.optimization.batchnorm, old.optimization.dropout) == ("frozen", 0.5)
    assert not {"batchnorm", "dropout"} & set(old.flat())


def test_every_setting_has_one_meaning_on_the_command_line() -> None:
    """A name in two groups would be one option with two targets."""
    for method in ("l2", "l2_sp", "feature_map", "delta", "linear_probe"):
        names = [i.name for infos in setting_groups(method).values() for i in infos]
        assert len(names) == len(set(names))
    assert {"epochs", "alpha", "weight_decay", "attention", "per_class"} <= set(all_settings())

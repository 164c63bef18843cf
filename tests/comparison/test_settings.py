"""Differences between runs' settings: all of them, and nothing but them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from delta_app.comparison.settings import ABSENT, NOT_SET, SettingRow, differing, setting_rows
from delta_app.regularizers import methods
from delta_app.training.run_config import RunConfig, setting_groups


def config(**values: Any) -> RunConfig:
    return RunConfig.from_flat(
        {"data": "/pictures/birds", "backbone": "resnet18", "method": "l2"} | values
    )


def rows(*configs: RunConfig) -> dict[str, SettingRow]:
    return {row.name: row for row in differing(setting_rows(configs))}


def test_equal_runs_differ_in_nothing() -> None:
    assert rows(config(), config()) == {}


def test_exactly_the_changed_settings_differ() -> None:
    found = rows(config(lr=0.01, seed=0), config(lr=0.005, seed=1), config(lr=0.01, seed=1))
    assert set(found) == {"lr", "seed"}
    assert found["lr"].values == ("0.01", "0.005", "0.01")
    assert found["lr"].label == "Learning rate"
    assert found["seed"].values == ("0", "1", "1")


@pytest.mark.parametrize("method", [m.name for m in methods()])
def test_no_setting_can_differ_unseen(method) -> None:
    """Change every setting of every group, one at a time."""
    base = config(method=method)
    for group in setting_groups(method).values():
        for info in group:
            if info.name in ("data", "backbone"):
                other = "something else"
            elif info.kind == "choice":
                other = next(c for c in info.choices if c != str(info.default))
            elif info.kind == "bool":
                other = not info.default
            elif info.kind == "list":
                other = (3,) if info.name == "more_epochs" else ("layer1",)
            elif info.kind == "text":
                other = "random" if info.name == "weights" else "uniform"
            elif info.default is None:
                other = info.minimum or 0.1
                other = int(other) if info.kind == "int" else 0.1
            else:
                other = info.default + 1 if info.kind == "int" else info.default / 4 + 0.1
            changed = config(**{"method": method, info.name: other})
            found = set(rows(base, changed))
            measured = {i.name for i in setting_groups(method).get("attention", ())}
            # DELTA without a learned attention measures none: those settings end to count.
            expected = {info.name} | (measured if info.name == "attention" else set())
            assert found == expected, info.name


def test_settings_of_one_method_only_are_absent_from_the_other() -> None:
    found = rows(config(method="l2"), config(method="l2_sp"))
    assert next(iter(found)) == "method"
    assert found["method"].values == ("L2", "L2-SP")
    assert found["weight_decay"].values == ("0.0001", ABSENT)
    assert found["alpha"].values == (ABSENT, "0.01")
    assert "attention_batches" not in found, "neither measures an attention"


def test_what_all_runs_have_comes_before_what_only_some_methods_have() -> None:
    names = list(rows(config(method="l2", seed=0), config(method="l2_sp", seed=1)))
    assert names[:2] == ["method", "seed"]


def test_the_measurement_of_attention_counts_where_there_is_one() -> None:
    found = rows(
        config(method="delta", attention="uniform"), config(method="delta", attention="learned")
    )
    assert found["attention"].values == ("uniform", "learned")
    assert found["temperature"].values == (ABSENT, "5")


def test_empty_is_not_absent() -> None:
    found = rows(config(), config(per_class=5))
    assert found["per_class"].values == (NOT_SET, "5")


def test_values_are_said_as_the_form_says_them() -> None:
    found = rows(
        config(optimizer="sgd", channels_last=True, image_size=128, warmup_epochs=0.0),
        config(optimizer="adamw", channels_last=False, image_size=64, warmup_epochs=2.5),
    )
    assert found["optimizer"].values == ("SGD with momentum", "AdamW")
    assert found["channels_last"].values == ("yes", "no")
    assert found["image_size"].values == ("128 px", "64 px")
    assert found["warmup_epochs"].values == ("0 epochs", "2.5 epochs")


def test_all_settings_can_be_seen_too() -> None:
    configs = [config(), config(method="l2_sp")]
    names = [row.name for row in setting_rows(configs)]
    assert len(names) == len(set(names))
    assert set(names) == set(configs[0].flat()) | set(configs[1].flat())


def test_the_temperature_of_a_file_of_the_authors_form_counts(tmp_path: Path) -> None:
    path = tmp_path / "authors.json"
    path.write_text("[[0.5, 0.25]]")
    one, other = (config(method="delta", attention=str(path), temperature=t) for t in (5.0, 2.0))
    found = rows(one, other)
    assert set(found) == {"temperature"}
    assert found["temperature"].values == ("5", "2")

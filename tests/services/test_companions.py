"""The same settings by L2, L2-SP and DELTA: what is there and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from delta_app.errors import SettingsError
from delta_app.runs.description import describe_run
from delta_app.runs.records import ATTENTION, TRAINING, RunRecord, RunStatus
from delta_app.services.companions import by_compared_methods, companions, config_of
from delta_app.training.run_config import RunConfig

GIVEN = {"data": "/pictures", "backbone": "resnet18", "epochs": 5}


def record(
    name: str, kind: str = TRAINING, status: str = "completed", **settings: Any
) -> RunRecord:
    config = RunConfig.from_flat(GIVEN | settings)
    return RunRecord(
        id=name,
        kind=kind,
        name=name,
        status=RunStatus(status),
        folder=Path("/runs") / name,
        created_at=0.0,
        **describe_run(kind, config),
    )


def test_what_is_missing_has_the_same_settings_but_the_methods_own() -> None:
    delta = record("d", method="delta", alpha=0.3, attention="uniform", lr=0.005)
    beside = companions(delta, [delta])
    assert beside is not None
    assert {method: run.id for method, run in beside.there.items()} == {"delta": "d"}
    assert [config.method.method for config in beside.missing] == ["l2", "l2_sp"]
    assert all(config.optimization.lr == 0.005 for config in beside.missing)
    assert beside.done == ()


def test_runs_of_other_settings_do_not_count() -> None:
    delta = record("d", method="delta")
    others = [record("l2", method="l2", epochs=6), record("sp", method="l2_sp", alpha=0.1)]
    beside = companions(delta, [*others, delta])
    assert beside is not None
    assert len(beside.missing) == 2


def test_three_results_stand_in_the_order_of_the_methods() -> None:
    records = [record(method, method=method) for method in ("delta", "l2_sp", "l2")]
    beside = companions(records[0], records)
    assert beside is not None
    assert [run.id for run in beside.done] == ["l2", "l2_sp", "delta"]


@pytest.mark.parametrize(
    ("status", "missing", "done"),
    [
        ("queued", 0, 0),
        ("running", 0, 0),
        ("stopped", 0, 3),
        ("failed", 1, 0),
        ("interrupted", 1, 0),
    ],
)
def test_one_that_goes_on_is_not_queued_again_one_that_failed_is(
    status: str, missing: int, done: int
) -> None:
    records = [record("d", method="delta"), record("l2", method="l2")]
    records.append(record("sp", status=status, method="l2_sp"))
    beside = companions(records[0], records)
    assert beside is not None
    assert (len(beside.missing), len(beside.done)) == (missing, done)


def test_a_linear_probe_has_all_three_to_be_compared_with() -> None:
    probe = record("p", method="linear_probe")
    beside = companions(probe, [probe])
    assert beside is not None
    assert [config.method.method for config in beside.missing] == ["l2", "l2_sp", "delta"]


def test_an_attention_run_and_settings_of_another_version_have_none() -> None:
    assert config_of(record("a", kind=ATTENTION, method="delta")) is None
    old = record("d", method="delta")
    old.config["optimization"]["gone"] = 1
    assert companions(old, [old]) is None


def test_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        by_compared_methods(GIVEN | {"method": "l2", "epochs": 0})
    assert caught.value.field == "epochs"

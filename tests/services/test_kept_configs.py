from __future__ import annotations

from typing import Any

import pytest

from delta_app.services import kept_configs
from delta_app.services.kept_configs import read_config
from delta_app.training.run_config import RunConfig


def values(**settings: Any) -> dict[str, Any]:
    flat = {"method": "l2", "data": "somewhere", "backbone": "resnet18", **settings}
    return RunConfig.from_flat(flat).model_dump(mode="json")


def test_the_same_config_is_validated_once() -> None:
    one, other = values(seed=1), values(seed=2)
    first = read_config(one)
    assert first is not None
    assert first.optimization.seed == 1
    assert read_config(one) is first
    second = read_config(other)
    assert second is not None
    assert second.optimization.seed == 2
    part = read_config({"run": one}, "run")
    assert part == first


def test_settings_of_another_version_are_none() -> None:
    assert read_config({"method": "unheard of"}) is None
    assert read_config({}, "run") is None


def test_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_configs, "KEPT_CONFIGS", 5)
    many = [values(seed=number) for number in range(9)]
    assert all(read_config(each) is not None for each in many)
    assert len(kept_configs._kept) <= 5
    again = read_config(many[0])
    assert again is not None
    assert again.optimization.seed == 0

from __future__ import annotations

from types import ModuleType

from delta_app.runs.description import describe_run, free_name
from delta_app.runs.records import ATTENTION, TRAINING
from delta_app.training.run_config import RunConfig


def test_a_run_is_described_by_its_settings(standin: ModuleType) -> None:
    config = standin.small_config(data="/home/me/flowers10/", device="cuda:1")
    described = describe_run(TRAINING, config)
    assert described["dataset"] == "flowers10"
    assert described["wanted_device"] == "cuda:1"
    assert (described["method"], described["method_label"]) == ("l2", "L2")
    assert RunConfig.model_validate(described["config"]) == config
    assert RunConfig.model_validate(describe_run(ATTENTION, config)["config"]["run"]) == config


def test_a_name_that_is_taken_gets_a_number(standin: ModuleType) -> None:
    config = standin.small_config(data="flowers10")
    assert free_name(TRAINING, config, set()) == "L2 · flowers10"
    assert free_name(TRAINING, config, {"L2 · flowers10"}) == "L2 · flowers10 2"
    taken = {"L2 · flowers10", "L2 · flowers10 2"}
    assert free_name(TRAINING, config, taken) == "L2 · flowers10 3"
    assert free_name(ATTENTION, config, taken) == "Attention · flowers10"

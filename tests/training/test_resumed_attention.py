"""A measurement of attention that is paused and taken up against one straight through."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from delta_app.attention.by_picture import load_by_picture
from delta_app.training.loop import measure_attention, run_training
from delta_app.training.observer import Request, Unstoppable
from delta_app.training.run_config import RunConfig

Config = Callable[..., RunConfig]

SMALL = {"attention_batch_size": 3, "head_epochs": 1, "attention_batches": None}


class Pauses:
    """Asks for a pause once a phase was told so often in this stretch; each stretch a new one."""

    def __init__(self, watcher: Any, phase: str, told: int) -> None:
        self.watcher, self.phase, self.told = watcher, phase, told

    def request(self) -> Request:
        said = sum(name == self.phase for name, *_ in self.watcher.phases)
        return "pause" if said > self.told else "run"


def content(folder: Path) -> dict[str, Any]:
    """The attention file without what hangs on the clock."""
    value: dict[str, Any] = json.loads((folder / "attention.json").read_text())
    del value["seconds"]
    return value


def same(one: Path, other: Path) -> None:
    assert content(one) == content(other)
    first, second = (load_by_picture(folder / "by_picture.safetensors") for folder in (one, other))
    for name, layer in first.layers.items():
        for part in ("importance", "by_class", "excited_by", "excitation"):
            assert torch.equal(getattr(layer, part), getattr(second.layers[name], part))
    heads = [(folder / "head.safetensors").read_bytes() for folder in (one, other)]
    assert heads[0] == heads[1]


SLOW = [
    ({"estimator": "combined"}, 15),
    ({"estimator": "first-order"}, 1),
    ({"attention_pictures": "augmented", "attention_batches": 9}, 15),
    ({"attention_reliability": 0.9, "attention_batches": 1}, 15),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "told"),
    [({}, 15), *(pytest.param(*each, marks=pytest.mark.slow) for each in SLOW)],
    ids=["exact", *(next(iter(settings)) for settings, _ in SLOW)],
)
def test_paused_and_resumed_is_the_measurement_straight_through(
    settings: dict[str, Any], told: int, config: Config, tmp_path: Path, watcher: Any
) -> None:
    wanted = config("delta", **SMALL | settings)
    one, other = tmp_path / "a" / "run", tmp_path / "b" / "run"
    measure_attention(wanted, one, watcher, Unstoppable())
    for _ in range(2):
        again = type(watcher)()
        control = Pauses(again, "measuring attention", told)
        assert measure_attention(wanted, other, again, control).ended == "paused"
        assert (other / "measuring.ckpt").exists()
    again = type(watcher)()
    assert measure_attention(wanted, other, again, Unstoppable()).ended == "completed"
    assert not (other / "measuring.ckpt").exists()
    same(one, other)


@pytest.mark.slow
def test_what_is_measured_already_is_not_measured_again(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    wanted, folder = config("delta", **SMALL), tmp_path / "run"
    paused = measure_attention(wanted, folder, watcher, Pauses(watcher, "measuring attention", 8))
    assert paused.ended == "paused"
    assert not (folder / "attention.json").exists()
    far = [done for name, done, *_ in watcher.phases if name == "measuring attention"]
    again = type(watcher)()
    measure_attention(wanted, folder, again, Unstoppable())
    assert not any(name == "training the attention's head" for name, *_ in again.phases)
    assert not any(name == "looking at the pictures" for name, *_ in again.phases)
    begun = next(done for name, done, *_ in again.phases if name == "measuring attention")
    assert begun > min(far)
    assert any("goes on where it was broken off" in line for line in again.said)


@pytest.mark.slow
def test_a_measurement_of_something_else_or_a_damaged_file_is_passed_over(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    folder = tmp_path / "run"
    wanted = config("delta", **SMALL)
    measure_attention(wanted, folder, watcher, Pauses(watcher, "measuring attention", 2))
    kept = (folder / "measuring.ckpt").read_bytes()
    other = config("delta", **SMALL | {"attention_seed": 5})
    again = type(watcher)()
    measure_attention(other, folder, again, Unstoppable())
    assert any(name == "training the attention's head" for name, *_ in again.phases)
    (folder / "measuring.ckpt").write_bytes(kept[: len(kept) // 2])
    last = type(watcher)()
    assert measure_attention(wanted, folder, last, Unstoppable()).ended == "completed"
    assert any("is damaged" in line and "measured anew" in line for line in last.said)


@pytest.mark.slow
def test_a_delta_run_is_paused_in_its_measurement_too(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    wanted = config("delta", epochs=1, **SMALL)
    straight = run_training(wanted, tmp_path / "a" / "run", watcher, Unstoppable())
    again = type(watcher)()
    control = Pauses(again, "measuring attention", 4)
    folder = tmp_path / "b" / "run"
    assert run_training(wanted, folder, again, control).ended == "paused"
    assert run_training(wanted, folder, again, Unstoppable()) == straight
    same(tmp_path / "a" / "run", folder)

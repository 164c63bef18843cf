"""A measurement of attention that is stopped: what it keeps, and who may use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from delta_app.attention.artifact import load_attention
from delta_app.attention.by_picture import load_by_picture
from delta_app.training.loop import measure_attention
from delta_app.training.observer import Silent, Unstoppable
from delta_app.training.run_config import RunConfig

Config = Callable[..., RunConfig]

SMALL = {"attention_batch_size": 3, "head_epochs": 1}
PHASE = "measuring attention"


class Ending:
    """Asks for an end once so many batches are measured and a next one has begun."""

    def __init__(
        self,
        watcher: Any,
        batches: int,
        wanted: str = "stop",
        size: int = SMALL["attention_batch_size"],
    ) -> None:
        self._size = size
        self._watcher = watcher
        self._batches = batches
        self._wanted = wanted

    def request(self) -> Any:
        told = [(p[1], p[3]) for p in self._watcher.phases if p[0] == PHASE]
        if not told:
            return "run"
        done, filters = told[-1][0], int(told[-1][1].split()[0])
        pairs = filters * self._size  # of a batch: filters times pictures
        return self._wanted if done > self._batches * pairs else "run"


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["exact", "combined"])
def test_it_keeps_what_its_whole_batches_say(
    estimator: str, config: Config, tmp_path: Path, watcher: Any
) -> None:
    """Of six batches of three; the part is what two batches alone would have given."""
    settings = SMALL | {"estimator": estimator}
    two_batches = config("delta", attention_batches=2, **settings)
    measure_attention(two_batches, tmp_path / "two" / "run", Silent(), Unstoppable())
    two = load_attention(tmp_path / "two" / "run" / "attention.json")
    folder = tmp_path / "part" / "run"
    all_batches = config("delta", attention_batches=None, **settings)
    result = measure_attention(all_batches, folder, watcher, Ending(watcher, 2))
    assert result.ended == "stopped"
    part = load_attention(folder / "attention.json")
    assert part.pictures == two.pictures
    assert len(part.pictures) == 6
    assert (part.complete, part.key) == (False, "")
    assert (two.complete, len(two.key)) == (True, 16)
    for name, layer in part.layers.items():
        torch.testing.assert_close(layer.importance, two.layers[name].importance)
        torch.testing.assert_close(layer.standard_error, two.layers[name].standard_error)
    assert load_by_picture(folder / "by_picture.safetensors").pictures == part.pictures
    assert watcher.known["attention"] == str(folder / "attention.json")
    assert any("Stopped after 2 of 6 batches" in line for line in watcher.said)


@pytest.mark.slow
def test_no_other_run_takes_the_part_for_the_whole(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    wanted = config("delta", attention_batches=None, **SMALL)
    measure_attention(wanted, tmp_path / "part", watcher, Ending(watcher, 1))
    assert (tmp_path / "part" / "attention.json").is_file()
    assert not (tmp_path / "attention").exists()
    result = measure_attention(wanted, tmp_path / "whole", Silent(), Unstoppable())
    assert result.ended == "completed"
    assert len(load_attention(tmp_path / "whole" / "attention.json").pictures) == 18


@pytest.mark.slow
def test_the_apps_end_keeps_it_too(config: Config, tmp_path: Path, watcher: Any) -> None:
    wanted = config("delta", attention_batches=None, **SMALL)
    ending = Ending(watcher, 1, "interrupt")
    assert measure_attention(wanted, tmp_path / "run", watcher, ending).ended == "interrupted"
    assert (tmp_path / "run" / "attention.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(("size", "batches"), [(3, 0), (1, 1)])
def test_before_a_batch_and_two_pictures_there_is_nothing_to_keep(
    size: int, batches: int, config: Config, tmp_path: Path, watcher: Any
) -> None:
    settings = SMALL | {"attention_batch_size": size, "attention_batches": None}
    ending = Ending(watcher, batches, size=size)
    result = measure_attention(config("delta", **settings), tmp_path / "run", watcher, ending)
    assert result.ended == "stopped"
    assert not (tmp_path / "run" / "attention.json").exists()
    assert "attention" not in watcher.known


@pytest.mark.slow
def test_a_shared_measurement_without_values_by_picture_is_used_without_them(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    """An older version of the app left none."""
    wanted = config("delta", attention_batches=1, **SMALL)
    measure_attention(wanted, tmp_path / "a", Silent(), Unstoppable())
    assert (tmp_path / "a" / "by_picture.safetensors").is_file()
    for path in (tmp_path / "attention").rglob("by_picture.safetensors"):
        path.unlink()
    measure_attention(wanted, tmp_path / "b", watcher, Unstoppable())
    assert any("Reusing the attention" in line for line in watcher.said)
    assert (tmp_path / "b" / "attention.json").is_file()
    assert not (tmp_path / "b" / "by_picture.safetensors").exists()

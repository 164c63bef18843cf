"""Whole runs whose device has less memory than a batch needs: they go on, and say so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from delta_app.attention.artifact import load_attention
from delta_app.errors import TrainingError
from delta_app.training import loop
from delta_app.training import metric_names as names
from delta_app.training.loop import measure_attention, run_training
from delta_app.training.observer import Unstoppable
from delta_app.training.run_config import RunConfig
from delta_app.training.step import Step
from delta_app.training.weights_files import load_saved

Config = Callable[..., RunConfig]
SAID = "Out of memory"


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the target's memory hold so many pictures at once, while `when` says so."""

    def give(most: int, when: Callable[[nn.Module], bool]) -> None:
        def before(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            if when(module) and len(inputs[0]) > most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

        prepare = loop.prepare_networks

        def prepared(*args: Any) -> Any:
            networks = prepare(*args)
            networks.target.register_forward_pre_hook(before)
            return networks

        monkeypatch.setattr(loop, "prepare_networks", prepared)

    return give


def numbers(watcher: Any) -> list[Any]:
    timed = {names.PICTURES_PER_SECOND, names.MEMORY_BYTES}
    return [(s, {n: v for n, v in m.items() if n not in timed}) for s, m in watcher.measured]


@pytest.mark.slow
def test_from_the_step_that_ran_out_on_it_is_the_run_that_was_planned_so(
    config: Config, tmp_path: Path, watcher: Any, room: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BatchNorm and dropout included, to the last bit: weights, terms, validation."""
    planned, settings = type(watcher)(), config("l2", backbone="mobilenet_v3_small")
    call, steps = Step.__call__, 0

    def planning(step: Step, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        nonlocal steps
        steps += 1
        if steps == 5:
            step.micro_batch = 4
        return call(step, images, labels)

    with monkeypatch.context() as patch:
        patch.setattr(Step, "__call__", planning)
        run_training(settings, tmp_path / "planned", planned, Unstoppable())
    assert steps == 6
    trained = 0

    def from_the_fifth(module: nn.Module) -> bool:
        nonlocal trained
        trained += module.training
        return module.training and trained >= 5

    room(4, from_the_fifth)
    result = run_training(settings, tmp_path / "broken", watcher, Unstoppable())
    assert result.test_top1 is not None
    assert [line for line in watcher.said if SAID in line] == [
        "Out of memory at step 5: goes on with 2 micro-batches of 4 pictures, whose gradients are "
        "added up; the same mathematics, but BatchNorm's statistics are now those of 4 pictures."
    ]
    assert watcher.known["micro_batch"] == 4
    assert "micro_batch" not in planned.known
    assert numbers(watcher) == numbers(planned)
    one, other = (load_saved(tmp_path / x / "best.safetensors") for x in ("broken", "planned"))
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


@pytest.mark.slow
def test_validation_and_test_go_on_with_fewer_pictures_at_a_time(
    config: Config, tmp_path: Path, watcher: Any, room: Any
) -> None:
    plain = type(watcher)()
    run_training(config("l2"), tmp_path / "plain", plain, Unstoppable())
    room(4, lambda module: not module.training)
    run_training(config("l2"), tmp_path / "run", watcher, Unstoppable())
    # Once for all validations, and once for the test.
    assert [line for line in watcher.said if SAID in line] == [
        "Out of memory while validating: goes on with 3 pictures at a time, which changes no "
        "number.",
        "Out of memory while testing: goes on with 3 pictures at a time, which changes no number.",
    ]
    for name in (names.VAL_TOP1, names.VAL_CROSS_ENTROPY):
        assert watcher.series(name) == pytest.approx(plain.series(name), rel=1e-5)


@pytest.mark.slow
def test_a_run_that_never_fits_fails_with_a_cure(
    config: Config, tmp_path: Path, watcher: Any, room: Any
) -> None:
    room(1, lambda module: module.training)
    with pytest.raises(TrainingError, match="even with 2 pictures of 64 px") as caught:
        run_training(config("l2"), tmp_path / "run", watcher, Unstoppable())
    assert "smaller picture size" in caught.value.cure


@pytest.mark.slow
def test_the_attention_is_measured_with_fewer_pictures_at_a_time(
    config: Config, tmp_path: Path, watcher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(
        "delta", attention_batches=1, attention_batch_size=8, head_epochs=1, estimator="combined"
    )
    plain = type(watcher)()
    (tmp_path / "a").mkdir()
    measure_attention(settings, tmp_path / "a" / "run", plain, Unstoppable())
    forward = nn.Module.__call__

    def narrow(module: nn.Module, *inputs: Any, **named: Any) -> Any:
        if type(module).__name__ == "ShuffleNetV2" and len(inputs[0]) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(module, *inputs, **named)

    monkeypatch.setattr(nn.Module, "__call__", narrow)
    (tmp_path / "b").mkdir()
    measure_attention(settings, tmp_path / "b" / "run", watcher, Unstoppable())
    said = " ".join(line for line in watcher.said if SAID in line)
    for doing in ("training the attention's head", "looking at the pictures", "first order"):
        assert doing in said
    assert plain.known["behaviour_layers"] == watcher.known["behaviour_layers"]
    one, other = (load_attention(tmp_path / x / "run" / "attention.json") for x in "ab")
    assert one.pictures == other.pictures
    for name, layer in one.layers.items():
        torch.testing.assert_close(
            other.layers[name].attention, layer.attention, rtol=1e-3, atol=1e-5
        )

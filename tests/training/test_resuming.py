"""Runs that are paused, broken off and taken up again against runs that go straight through."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from delta_app.errors import CheckpointError, DatasetError, TrainingError
from delta_app.training import metric_names as names
from delta_app.training.checkpoint import load_checkpoint
from delta_app.training.loop import run_training
from delta_app.training.observer import Request, Unstoppable
from delta_app.training.run_config import RunConfig
from delta_app.training.weights_files import load_saved

pytestmark = pytest.mark.slow

METHODS = ["linear_probe", "l2", "l2_sp", "feature_map", "delta"]
TIMED = {names.PICTURES_PER_SECOND, names.MEMORY_BYTES}
QUICK = {"attention_batches": 1, "attention_batch_size": 4, "head_epochs": 1}

Config = Callable[..., RunConfig]


class AtSteps:
    """Asks for a pause, or another end, once each of these steps is done."""

    def __init__(self, watcher: Any, *steps: int, wanted: Request = "pause") -> None:
        self.watcher, self.steps, self.wanted = watcher, list(steps), wanted

    def request(self) -> Request:
        done = max((d for n, d, _, _ in self.watcher.phases if n == "training"), default=0)
        return self.wanted if self.steps and done >= self.steps[0] else "run"


def with_pauses(
    config: RunConfig, folder: Path, watcher: Any, *steps: int, wanted: Request = "pause"
) -> Any:
    """Run to the end, ended and taken up again after each of these steps."""
    control = AtSteps(watcher, *steps, wanted=wanted)
    while True:
        result = run_training(config, folder, watcher, control)
        if result.ended not in ("paused", "interrupted"):
            return result
        assert control.steps
        del control.steps[0]


def numbers(watcher: Any) -> list[Any]:
    """All that was measured but what hangs on the clock."""
    return [(s, {n: v for n, v in m.items() if n not in TIMED}) for s, m in watcher.measured]


def assert_same(one: Path, other: Path, watcher: Any, again: Any) -> None:
    assert numbers(watcher) == numbers(again)
    for name in ("best.safetensors", "snapshot.safetensors"):
        first, second = load_saved(one / name), load_saved(other / name)
        assert first.keys() == second.keys()
        assert all(torch.equal(tensor, second[key]) for key, tensor in first.items())
    for name in ("predictions.json", "result.json", "split.json"):
        assert (one / name).read_text() == (other / name).read_text()


@pytest.mark.parametrize("method", METHODS)
def test_paused_and_resumed_is_the_run_straight_through(
    method: str, config: Config, tmp_path: Path, watcher: Any
) -> None:
    again = type(watcher)()
    extra = QUICK if method == "delta" else {}
    # Dropout and BatchNorm; 3 steps an epoch: within one, at its end, at its beginning.
    wanted = config(method, epochs=3, backbone="mobilenet_v3_small", schedule="cosine", **extra)
    straight = run_training(wanted, tmp_path / "a" / "run", watcher, Unstoppable())
    resumed = with_pauses(wanted, tmp_path / "b" / "run", again, 2, 3, 7)
    assert straight == resumed
    assert_same(tmp_path / "a" / "run", tmp_path / "b" / "run", watcher, again)
    assert sum("Goes on after step" in line for line in again.said) == 3


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "adamw", "lr": 1e-3, "warmup_epochs": 1.0},
        {"batchnorm": "frozen", "class_weights": "balanced"},
        {"precision": "bf16", "channels_last": False},
        {"val_fraction": 0.0, "backbone": "efficientnet_b0"},  # stochastic depth
    ],
    ids=lambda s: next(iter(s)),
)
def test_with_every_kind_of_state(
    settings: dict[str, Any], config: Config, tmp_path: Path, watcher: Any
) -> None:
    again = type(watcher)()
    wanted = config("l2_sp", **({"epochs": 2} | settings))
    straight = run_training(wanted, tmp_path / "a" / "run", watcher, Unstoppable())
    assert straight == with_pauses(wanted, tmp_path / "b" / "run", again, 1, 4)
    assert_same(tmp_path / "a" / "run", tmp_path / "b" / "run", watcher, again)


def test_broken_off_between_checkpoints_measures_the_steps_after_the_last_one_again(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    again, folder = type(watcher)(), tmp_path / "b" / "run"
    wanted = config("l2", epochs=3)
    run_training(wanted, tmp_path / "a" / "run", watcher, Unstoppable())
    control = AtSteps(again, 2)
    run_training(wanted, folder, again, control)
    kept = (folder / "last.ckpt").read_bytes()
    control.steps = [7]
    run_training(wanted, folder, again, control)
    (folder / "last.ckpt").write_bytes(kept)  # as if it had been killed there
    assert len(again.series(names.LOSS_TOTAL)) == 7
    run_training(wanted, folder, again, Unstoppable())
    assert_same(tmp_path / "a" / "run", folder, watcher, again)


def test_the_best_epoch_is_that_of_the_checkpoint_not_of_a_later_one(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    folder = tmp_path / "run"
    wanted = config("l2", epochs=4, lr=0.05)
    run_training(wanted, folder, watcher, AtSteps(watcher, 4))
    best = load_saved(folder / "best.safetensors")
    (folder / "best.safetensors").write_bytes(b"of an epoch that came later")
    stopped = run_training(wanted, folder, watcher, AtSteps(watcher, 4, wanted="stop"))
    assert (stopped.ended, stopped.best_epoch) == ("stopped", 1)
    now = load_saved(folder / "best.safetensors")
    assert all(torch.equal(tensor, now[name]) for name, tensor in best.items())


def test_a_checkpoint_is_kept_after_every_step_where_that_is_asked_for(
    config: Config, tmp_path: Path, watcher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from delta_app.training import fine_tuning

    steps = []
    write = fine_tuning.save_checkpoint

    def spy(path: Path, checkpoint: Any) -> None:
        steps.append((checkpoint.step, checkpoint.epoch, checkpoint.batch))
        write(path, checkpoint)

    monkeypatch.setattr(fine_tuning, "save_checkpoint", spy)
    monkeypatch.setattr(fine_tuning, "LARGEST_SHARE", 1e9)
    run_training(config("l2", checkpoint_seconds=0), tmp_path / "run", watcher, Unstoppable())
    within = [(1, 0, 1), (2, 0, 2), (3, 0, 3), (4, 1, 1), (5, 1, 2), (6, 1, 3)]
    assert steps == [*within, (6, 2, 0)]
    steps.clear()
    run_training(config("l2"), tmp_path / "other", watcher, Unstoppable())
    assert steps == [(6, 2, 0)]


def test_continued_for_more_epochs_is_the_run_that_had_them_from_the_start(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    again, folder = type(watcher)(), tmp_path / "b" / "run"
    longer = config("l2_sp", epochs=2, more_epochs=(1,), lr=0.03)
    straight = run_training(longer, tmp_path / "a" / "run", watcher, Unstoppable())
    first = run_training(config("l2_sp", epochs=2, lr=0.03), folder, again, Unstoppable())
    assert (first.ended, first.test_evaluations) == ("completed", 1)
    continued = run_training(longer, folder, again, Unstoppable())
    assert (continued.ended, continued.test_evaluations) == ("completed", 2)
    assert continued.test_top1 == straight.test_top1
    assert numbers(watcher) == numbers(again)
    rates = again.series(names.LR_HEAD)
    assert rates[0] == rates[6] == 0.03
    assert rates[5] == pytest.approx(0.003)


def test_what_a_run_found_before_it_was_killed_is_not_tested_again(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    wanted, folder = config("l2", epochs=1), tmp_path / "run"
    first = run_training(wanted, folder, watcher, Unstoppable())
    watcher.phases.clear()
    assert run_training(wanted, folder, watcher, Unstoppable()) == first
    assert not any(name == "testing" for name, *_ in watcher.phases)


def test_a_pause_breaks_the_test_off_and_it_is_made_up_for(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    class WhileTesting:
        def request(self) -> Request:
            return "pause" if watcher.phases and watcher.phases[-1][0] == "testing" else "run"

    wanted, folder = config("l2", epochs=1), tmp_path / "run"
    assert run_training(wanted, folder, watcher, WhileTesting()).ended == "paused"
    watcher.phases.clear()
    ended = run_training(wanted, folder, watcher, Unstoppable())
    assert (ended.ended, ended.test_evaluations) == ("completed", 1)
    assert len(watcher.series(names.LOSS_TOTAL)) == 3


def test_a_pause_before_the_first_step_begins_anew(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    class AtOnce:
        def request(self) -> Request:
            return "pause"

    wanted, folder = config("l2", epochs=1), tmp_path / "run"
    assert run_training(wanted, folder, watcher, AtOnce()).ended == "paused"
    assert not (folder / "last.ckpt").exists()
    assert run_training(wanted, folder, watcher, Unstoppable()).ended == "completed"


def test_it_goes_on_with_the_pictures_it_began_with(
    config: Config, pictures: Path, tmp_path: Path, watcher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELTA_CACHE_DIR", str(tmp_path / "cache"))  # nobody decoded them before
    data, folder = tmp_path / "data", tmp_path / "run"
    shutil.copytree(pictures, data)
    wanted = config("l2", data=str(data))
    run_training(wanted, folder, watcher, AtSteps(watcher, 2))
    split = (folder / "split.json").read_text()
    shutil.rmtree(next(path for path in data.iterdir() if path.is_dir()))  # a whole class
    assert run_training(wanted, folder, watcher, Unstoppable()).ended == "completed"
    assert (folder / "split.json").read_text() == split
    # Where they are not in the cache any more, it names the first that is gone.
    again = tmp_path / "again"
    run_training(wanted_again := config("l2", data=str(pictures)), again, watcher, AtSteps(watcher))
    assert wanted_again.data.data == str(pictures)
    (again / "result.json").unlink()
    kept = json.loads((again / "split.json").read_text())
    for picture in (*kept["train"], *kept["val"], *kept["test"]):
        picture["path"] = picture["path"].replace(str(pictures), str(tmp_path / "gone"))
    (again / "split.json").write_text(json.dumps(kept))
    monkeypatch.setenv("DELTA_CACHE_DIR", str(tmp_path / "empty"))
    with pytest.raises(DatasetError, match="is not there") as caught:
        run_training(wanted_again, again, watcher, Unstoppable())
    assert caught.value.cure


@pytest.mark.parametrize(
    "changed", [{"lr": 0.5}, {"seed": 3}, {"image_size": 96}], ids=lambda s: next(iter(s))
)
def test_other_settings_cannot_go_on_from_a_checkpoint(
    changed: dict[str, Any], config: Config, tmp_path: Path, watcher: Any
) -> None:
    folder = tmp_path / "run"
    run_training(config("l2"), folder, watcher, AtSteps(watcher, 2))
    with pytest.raises(CheckpointError, match="other settings"):
        run_training(config("l2", **changed), folder, watcher, Unstoppable())


@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"PK" + b[2:9], lambda b: b"no"]
)
def test_a_damaged_checkpoint_is_named_with_its_cure(
    damage: Callable[[bytes], bytes], config: Config, tmp_path: Path, watcher: Any
) -> None:
    folder = tmp_path / "run"
    run_training(config("l2", epochs=1), folder, watcher, AtSteps(watcher, 1))
    path = folder / "last.ckpt"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match=r"last\.ckpt is damaged") as caught:
        load_checkpoint(path)
    assert caught.value.cure


def test_a_loss_that_is_not_finite_keeps_the_best_epoch_on_disk_and_no_broken_checkpoint(
    config: Config, tmp_path: Path, watcher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from delta_app.training import fine_tuning, keeping

    monkeypatch.setattr(keeping, "SECONDS_BETWEEN_WRITES", 1e9)  # the disk has the first epoch
    rates = fine_tuning.set_learning_rates

    def explode(optimizer: torch.optim.Optimizer, settings: Any, step: int, n: int) -> Any:
        found = rates(optimizer, settings, step, n)
        if step == 7:
            for group in optimizer.param_groups:
                group["lr"] = 1e30
        return found

    monkeypatch.setattr(fine_tuning, "set_learning_rates", explode)
    folder = tmp_path / "run"
    with pytest.raises(TrainingError, match="At step 9 cross-entropy became nan at learning rate"):
        run_training(config("l2", epochs=9, val_fraction=0.0), folder, watcher, Unstoppable())
    assert watcher.known["best_epoch"] == 2
    best = load_saved(folder / "best.safetensors")
    assert all(tensor.isfinite().all() for tensor in best.values())
    assert not (folder / "last.ckpt").exists()


def test_it_goes_on_in_the_micro_batches_that_fitted(
    config: Config, tmp_path: Path, watcher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from delta_app.training import fine_tuning

    made: list[Any] = []

    class Spy(fine_tuning.Step):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            made.append(self)

    monkeypatch.setattr(fine_tuning, "Step", Spy)

    class ThenPause(AtSteps):
        def request(self) -> Request:
            made[-1].micro_batch = made[-1].micro_batch or 4  # as memory had it
            return super().request()

    wanted, folder = config("l2", epochs=1), tmp_path / "run"
    made.append(type("Nobody", (), {"micro_batch": None}))
    run_training(wanted, folder, watcher, ThenPause(watcher, 2))
    run_training(wanted, folder, watcher, Unstoppable())
    assert [step.micro_batch for step in made[1:]] == [4, 4]

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from delta_app import atomic_files
from delta_app.errors import Cancelled, TrainingError
from delta_app.training import disk
from delta_app.training.disk import RunDisk
from delta_app.training.loop import run_training
from delta_app.training.observer import Request, Unstoppable
from delta_app.training.run_config import RunConfig
from delta_app.training.weights_files import load_saved

FULL = OSError(28, "No space left on device")


class Writes:
    """Fails so many times, then writes."""

    def __init__(self, failures: float) -> None:
        self.failures, self.done = failures, 0

    def __call__(self) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise FULL
        self.done += 1


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "TRY_EVERY", 0.0)


def test_what_can_wait_is_said_once_and_again_when_it_is_over(tmp_path: Path, watcher: Any) -> None:
    writes = Writes(2)
    run_disk = RunDisk(tmp_path, watcher, Unstoppable())
    tried = [run_disk.try_to(writes, "the checkpoint") for _ in range(4)]
    assert (tried, writes.done) == ([False, False, True, True], 2)
    assert len(watcher.said) == 2
    assert watcher.said[0].startswith("The checkpoint cannot be written to")
    assert "No space left on device" in watcher.said[0]
    assert watcher.said[1] == "The checkpoint could be written again."


def test_what_must_be_is_waited_for_and_the_run_says_so(tmp_path: Path, watcher: Any) -> None:
    writes = Writes(3)
    RunDisk(tmp_path, watcher, Unstoppable()).insist(writes, "the best epoch")
    assert writes.done == 1
    assert len(watcher.phases) == 3
    assert watcher.phases[0][0] == "saving"
    assert "the best epoch, which waits for the disk (No space left" in watcher.phases[0][3]


def test_patience_ends(tmp_path: Path, watcher: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "PATIENCE", 0.05)
    with pytest.raises(TrainingError, match="The result cannot be written") as caught:
        RunDisk(tmp_path, watcher, Unstoppable()).insist(Writes(float("inf")), "the result")
    assert "resume the run" in caught.value.cure


@pytest.mark.parametrize("wanted", ["interrupt", "pause", "stop"])
def test_only_the_end_of_the_app_breaks_the_wait_off(
    wanted: Request, tmp_path: Path, watcher: Any
) -> None:
    class Wanted:
        def request(self) -> Request:
            return wanted

    run_disk = RunDisk(tmp_path, watcher, Wanted())
    if wanted == "interrupt":
        with pytest.raises(Cancelled):
            run_disk.insist(Writes(float("inf")), "the checkpoint")
    else:  # a pause keeps what it promised to keep
        writes = Writes(2)
        run_disk.insist(writes, "the checkpoint")
        assert writes.done == 1


def test_a_folder_that_is_gone_is_told_at_once(tmp_path: Path, watcher: Any) -> None:
    run_disk = RunDisk(tmp_path / "gone", watcher, Unstoppable())
    for write in (run_disk.try_to, run_disk.insist):
        with pytest.raises(TrainingError, match="gone: it was deleted or moved") as caught:
            write(Writes(0), "the checkpoint")
        assert caught.value.cure


class Disk:
    """A disk that takes no file of some names while it is full; it counts the tries."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        self.full, self.refused = True, 0
        written = atomic_files.os.replace

        def replace(origin: Path, path: Path) -> None:
            if self.full and Path(path).name in names:
                self.refused += 1
                raise FULL
            written(origin, path)

        monkeypatch.setattr(atomic_files.os, "replace", replace)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["best.safetensors", "predictions.json", "result.json"])
def test_a_run_whose_end_cannot_be_written_fails_and_is_resumed_to_the_same_result(
    name: str,
    tmp_path: Path,
    watcher: Any,
    config: Callable[..., RunConfig],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = config("l2", epochs=2, backbone="mobilenet_v3_small")
    straight = run_training(wanted, tmp_path / "a", watcher, Unstoppable())
    monkeypatch.setattr(disk, "PATIENCE", 0.05)
    full = Disk(monkeypatch, name)
    again = type(watcher)()
    with pytest.raises(TrainingError, match="No space left on device") as caught:
        run_training(wanted, tmp_path / "b", again, Unstoppable())
    assert full.refused > 1
    assert caught.value.cure.endswith("then resume the run.")
    assert not (tmp_path / "b" / name).exists()
    assert not list((tmp_path / "b").glob("*.tmp")) + list((tmp_path / "b").glob(".*.tmp"))
    full.full = False
    assert run_training(wanted, tmp_path / "b", again, Unstoppable()) == straight
    for each in ("predictions.json", "result.json"):
        assert (tmp_path / "a" / each).read_text() == (tmp_path / "b" / each).read_text()
    first, second = (load_saved(tmp_path / run / "best.safetensors") for run in "ab")
    assert all(torch.equal(tensor, second[key]) for key, tensor in first.items())


@pytest.mark.slow
def test_a_checkpoint_that_cannot_be_written_is_said_once_and_training_goes_on(
    tmp_path: Path, watcher: Any, config: Callable[..., RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Disk(monkeypatch, "last.ckpt")

    class MakesRoom:
        """At the fifth step."""

        def request(self) -> Request:
            full.full &= not any(n == "training" and d >= 5 for n, d, _, _ in watcher.phases)
            return "run"

    wanted = config("l2", epochs=2, checkpoint_seconds=0)
    assert run_training(wanted, tmp_path, watcher, MakesRoom()).ended == "completed"
    assert full.refused > 1
    said = [line for line in watcher.said if line.startswith("The checkpoint c")]
    assert len(said) == 2
    assert "training goes on" in said[0]
    assert said[1] == "The checkpoint could be written again."
    assert (tmp_path / "last.ckpt").exists()


@pytest.mark.slow
def test_a_run_whose_folder_is_deleted_in_the_middle_leaves_no_ghost(
    tmp_path: Path, watcher: Any, config: Callable[..., RunConfig]
) -> None:
    folder = tmp_path / "run"

    class Deletes:
        def request(self) -> Request:
            if any(name == "training" and done >= 2 for name, done, _, _ in watcher.phases):
                shutil.rmtree(folder, ignore_errors=True)
            return "run"

    with pytest.raises(TrainingError, match="gone: it was deleted or moved"):
        run_training(config("l2", epochs=2), folder, watcher, Deletes())
    assert not folder.exists()

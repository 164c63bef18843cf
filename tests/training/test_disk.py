from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from delta_app.errors import Cancelled, TrainingError
from delta_app.training import disk
from delta_app.training.disk import RunDisk
from delta_app.training.observer import Request, Unstoppable

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

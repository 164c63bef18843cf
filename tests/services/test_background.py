"""Work in a thread: watched, cancelled, its result and errors brought back."""

from __future__ import annotations

import threading

import pytest

from delta_app.errors import WeightsError
from delta_app.services.background import InBackground, IsCancelled, OnProgress


def test_progress_and_result() -> None:
    go_on = threading.Event()

    def work(on_progress: OnProgress, cancelled: IsCancelled) -> str:
        on_progress(30, 120)
        go_on.wait(5)
        return "all there"

    task = InBackground(work)
    for _ in range(500):
        if task.share is not None:
            break
        task.wait(0.01)
    assert task.share == 0.25
    assert not task.finished
    assert task.result is None
    go_on.set()
    assert task.wait(5)
    assert task.result == "all there"
    assert task.error is None


def test_cancel_ends_it_at_its_next_sign_of_progress() -> None:
    asked = threading.Event()

    def work(on_progress: OnProgress, cancelled: IsCancelled) -> None:
        asked.wait(5)
        for step in range(1000):
            on_progress(step, None)

    task = InBackground(work)
    task.cancel()
    asked.set()
    assert task.wait(5)
    assert task.cancelled
    assert task.error is None
    assert task.done == 0


def test_an_error_to_put_right_is_kept_and_any_other_is_raised() -> None:
    def refused(on_progress: OnProgress, cancelled: IsCancelled) -> None:
        raise WeightsError("no room", cure="Make room.")

    def broken(on_progress: OnProgress, cancelled: IsCancelled) -> None:
        raise KeyError("a mistake of ours")

    task = InBackground(refused)
    assert task.wait(5)
    assert isinstance(task.error, WeightsError)
    other = InBackground(broken)
    assert other.wait(5)
    with pytest.raises(KeyError):
        _ = other.error

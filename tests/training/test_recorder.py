"""What steps measure is passed on, many at a time, and a broken loss stops the run."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch

from delta_app.errors import TrainingError
from delta_app.training import metric_names as names
from delta_app.training.observer import Silent
from delta_app.training.recorder import READ_EVERY_STEPS, Recorder


class Listener(Silent):
    def __init__(self) -> None:
        self.heard: list[tuple[int, dict[str, float]]] = []

    def metrics(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        self.heard.append((step, dict(values)))


def terms(loss: float, backbone: float = 0.5, right: int = 3) -> dict[str, torch.Tensor]:
    return {
        names.LOSS_CROSS_ENTROPY: torch.tensor(loss),
        names.LOSS_BACKBONE: torch.tensor(backbone),
        names.LOSS_TOTAL: torch.tensor(loss + backbone),
        "right": torch.tensor(right),
    }


RATES = {"backbone": 0.01, "head": 0.1}


def test_every_step_arrives_in_order_with_its_learning_rates() -> None:
    listener = Listener()
    recorder = Recorder(listener)
    for step in range(1, 24):
        recorder.step(step, step / 10, terms(float(step)), RATES, 4)
    recorder.flush()
    assert [step for step, _ in listener.heard] == list(range(1, 24))
    assert listener.heard[6][1] == {
        names.LOSS_CROSS_ENTROPY: 7.0,
        names.LOSS_BACKBONE: 0.5,
        names.LOSS_TOTAL: 7.5,
        names.LR_BACKBONE: 0.01,
        names.LR_HEAD: 0.1,
    }


def test_the_device_is_read_only_every_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delta_app.training.recorder.time.monotonic", lambda: 0.0)
    listener = Listener()
    recorder = Recorder(listener)
    for step in range(READ_EVERY_STEPS - 1):
        recorder.step(step, 0.0, terms(1.0), RATES, 4)
    assert listener.heard == []
    recorder.step(9, 0.0, terms(1.0), RATES, 4)
    assert len(listener.heard) == READ_EVERY_STEPS


def test_training_accuracy_counts_pictures_and_starts_anew() -> None:
    recorder = Recorder(Silent())
    recorder.step(1, 0.1, terms(1.0, right=3), RATES, 4)
    recorder.step(2, 0.2, terms(1.0, right=1), RATES, 1)
    assert recorder.train_top1() == pytest.approx(4 / 5)
    recorder.step(3, 0.3, terms(1.0, right=2), RATES, 2)
    assert recorder.train_top1() == 1.0


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_names_step_term_and_rate(broken: float) -> None:
    recorder = Recorder(Silent())
    recorder.step(1, 0.1, terms(1.0), RATES, 4)
    recorder.step(2, 0.2, terms(1.0, backbone=broken), RATES, 4)
    with pytest.raises(TrainingError, match=r"step 2 alpha times the backbone term.*0\.01"):
        recorder.flush()

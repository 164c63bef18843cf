"""What steps measure is passed on, many at a time, and a broken loss stops the run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pytest
import torch
from narrow import drawn_batches, narrow_step
from torch import nn

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


BROKEN = [float("nan"), float("inf"), float("-inf")]
WORDS = {
    names.LOSS_CROSS_ENTROPY: "cross-entropy",
    names.LOSS_BACKBONE: "alpha times the backbone term",
    names.LOSS_HEAD: "beta times the head term",
    names.LOSS_TOTAL: "loss",
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("broken", BROKEN, ids=str)
@pytest.mark.parametrize("term", WORDS)
def test_a_loss_that_is_not_finite_names_step_term_and_rate(
    term: str, broken: float, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first bad step, though worse ones follow before anything is read."""
    monkeypatch.setattr("delta_app.training.recorder.time.monotonic", lambda: 0.0)
    listener = Listener()
    recorder = Recorder(listener)
    for step in range(1, READ_EVERY_STEPS):
        measured = {name: torch.tensor(1.0, dtype=dtype) for name in WORDS}
        if step >= 4:
            measured[term].fill_(broken)
            measured[names.LOSS_TOTAL].fill_(broken)
        if step >= 5:
            for value in measured.values():
                value.fill_(float("nan"))
        recorder.step(step, 0.1, measured | {"right": torch.tensor(1)}, RATES, 4)
    with pytest.raises(TrainingError) as caught:
        recorder.flush()
    assert caught.value.message == (
        f"At step 4 {WORDS[term]} became {broken} at learning rate 0.01."
    )
    assert caught.value.cure
    assert [step for step, _ in listener.heard] == [1, 2, 3]  # what was sound is kept


def test_the_rate_is_the_heads_where_only_the_head_trains() -> None:
    recorder = Recorder(Silent())
    recorder.step(1, 0.1, terms(float("nan")), {"head": 0.1}, 4)
    with pytest.raises(TrainingError, match=r"At step 1 .* at learning rate 0\.1\."):
        recorder.flush()


def of_cross_entropy(source: nn.Module, target: nn.Module, broken: float) -> None:
    if math.isnan(broken):
        target.fc.bias.fill_(broken)
    else:  # two logits so far apart that the likelihood of one is zero
        target.fc.bias.copy_(torch.tensor([3e38, -3e38, -3e38]))


def of_the_backbone(source: nn.Module, target: nn.Module, broken: float) -> None:
    """L2-SP's distance from here, which nothing else looks at."""
    source.conv1.weight[0, 0, 0, 0] = broken if math.isnan(broken) else 1e20


def of_the_head(source: nn.Module, target: nn.Module, broken: float) -> None:
    """An entry of the head is squared above all float32, while its logits stay below."""
    target.fc.weight[0, 0] = 1e20


@pytest.mark.parametrize("precision", [None, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    ("method", "spoil", "broken", "words"),
    [
        ("l2", of_cross_entropy, math.nan, "cross-entropy became nan"),
        ("l2", of_cross_entropy, math.inf, "cross-entropy became inf"),
        ("l2_sp", of_the_backbone, math.nan, "alpha times the backbone term became nan"),
        ("l2_sp", of_the_backbone, math.inf, "alpha times the backbone term became inf"),
        ("l2_sp", of_the_head, math.inf, "beta times the head term became inf"),
        # The head's own numbers are in its logits too.
        ("l2_sp", of_cross_entropy, math.nan, "cross-entropy and beta times the head term became"),
    ],
)
def test_a_step_that_goes_wrong_is_named_by_the_term_that_did(
    method: str,
    spoil: Callable[[nn.Module, nn.Module, float], None],
    broken: float,
    words: str,
    precision: torch.dtype | None,
) -> None:
    step, target, _ = narrow_step(method, precision=precision)
    recorder = Recorder(Silent())
    with step:
        step.train_mode()
        for number, (images, labels) in enumerate(drawn_batches(4, 8), start=1):
            if number == 3:
                labels = torch.ones_like(labels)
                with torch.no_grad():
                    spoil(step._source, target, broken)
            recorder.step(number, 0.1, step(images, labels), RATES, 8)
    with pytest.raises(TrainingError) as caught:
        recorder.flush()
    assert caught.value.message.startswith(f"At step 3 {words}")
    assert caught.value.message.endswith("at learning rate 0.01.")

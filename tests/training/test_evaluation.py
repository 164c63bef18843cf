"""Measures of a classifier against numbers worked by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from delta_app.errors import Cancelled, TrainingError
from delta_app.models.at_once import AtOnce
from delta_app.training.evaluation import confusion_matrix, evaluate, evaluation

# Three classes; class 2 has no picture. Right: pictures 0, 1, 3.
LOGITS = torch.tensor([[2.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 3, 0]])
LABELS = torch.tensor([0, 0, 0, 1])


def test_rows_are_true_classes_and_columns_predicted() -> None:
    matrix = confusion_matrix(torch.tensor([0, 0, 1]), torch.tensor([1, 0, 1]), 2)
    assert matrix.tolist() == [[1, 1], [0, 1]]


def test_every_measure_by_hand() -> None:
    found = evaluation(LOGITS, LABELS)
    assert found.top1 == 0.75
    assert found.recall == (2 / 3, 1.0, None)
    assert found.balanced_accuracy == pytest.approx((2 / 3 + 1) / 2)
    assert found.confusion.tolist() == [[2, 1, 0], [0, 1, 0], [0, 0, 0]]
    by_hand = [
        math.log(math.exp(2) + 2) - 2,
        math.log(math.exp(1) + 2) - 1,
        math.log(math.exp(1) + 2) - 0,
        math.log(math.exp(3) + 2) - 3,
    ]
    assert found.cross_entropy == pytest.approx(sum(by_hand) / 4, rel=1e-12)


def test_predictions_are_kept_by_picture() -> None:
    kept = evaluation(LOGITS, LABELS).to_json(["a", "b", "c", "d"])
    third = kept["pictures"][2]
    assert (third["relative"], third["label"], third["predicted"]) == ("c", 0, 1)
    assert sum(third["probabilities"]) == pytest.approx(1, abs=1e-5)


class Scaled(nn.Module):
    """In train mode it would answer otherwise, and remember that it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.bn = nn.BatchNorm1d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(x)


def test_the_network_is_asked_in_eval_mode_and_left_as_it_was() -> None:
    model = Scaled().train()
    before = {n: t.clone() for n, t in model.state_dict().items()}
    found = evaluate(model, [(LOGITS[:3], LABELS[:3]), (LOGITS[3:], LABELS[3:])])
    assert found.top1 == 0.75
    assert model.training
    assert model.bn.training
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())


def test_modes_come_back_when_the_pass_is_broken_off() -> None:
    model = Scaled().train()

    def stop(done: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        evaluate(model, [(LOGITS, LABELS)], stop)
    assert model.training


def test_answers_that_are_not_finite_are_counted_and_kept_out_of_the_numbers() -> None:
    broken = LOGITS.clone()
    broken[1] = float("nan")
    broken[2, 0] = float("inf")
    found = evaluation(broken, LABELS)
    assert found.not_finite == 2
    assert math.isfinite(found.cross_entropy)
    assert found.probabilities.isfinite().all()


class Full(nn.Module):
    """Puts out what it gets, as many pictures at a time as its memory holds."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.seen: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(len(x))
        if len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return x


@pytest.mark.slow
@pytest.mark.parametrize("most", [1, 2, 3])
def test_out_of_memory_halves_and_drops_or_doubles_no_picture(most: int) -> None:
    batches = [(LOGITS[:3], LABELS[:3]), (LOGITS[3:], LABELS[3:]), (LOGITS, LABELS)]
    expected = evaluate(Full(4), batches)
    told: list[int] = []
    found = evaluate(Full(most), batches, told.append)
    assert told == [3, 4, 8]
    assert torch.equal(found.labels, expected.labels)
    assert torch.equal(found.probabilities, expected.probabilities)
    assert found.cross_entropy == expected.cross_entropy


def test_what_fitted_is_remembered_for_the_next_evaluation() -> None:
    model, at_once = Full(2), AtOnce()
    for _ in range(2):
        evaluate(model, [(LOGITS, LABELS)], at_once=at_once)
    assert model.seen == [4, 2, 2, 2, 2]


def test_a_single_picture_that_does_not_fit_ends_the_evaluation_with_a_cure() -> None:
    model = Full(0).train()
    with pytest.raises(TrainingError, match="Out of memory") as caught:
        evaluate(model, [(LOGITS, LABELS)])
    assert caught.value.cure
    assert model.training

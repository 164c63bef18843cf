"""Batches in smaller parts once memory did not suffice: every picture once, in order."""

from __future__ import annotations

import weakref

import pytest
import torch
from torch import Tensor

from delta_app.errors import TrainingError
from delta_app.models.at_once import AtOnce

IMAGES = torch.arange(7.0).view(7, 1, 1, 1).expand(7, 3, 2, 2)
LABELS = torch.arange(7)


class Room:
    """Sums pictures and labels, at most so many at a time."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.seen: list[int] = []
        self.lost: list[weakref.ref[Tensor]] = []

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        assert all(reference() is None for reference in self.lost)
        self.seen.append(len(images))
        sums = images.sum((1, 2, 3)) + labels
        if len(images) > self.most:
            self.lost.append(weakref.ref(sums))
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return sums


@pytest.mark.slow
@pytest.mark.parametrize(
    ("most", "halved"), [(8, []), (7, []), (6, [4]), (4, [4]), (3, [4, 2]), (1, [4, 2, 1])]
)
def test_every_picture_once_and_in_order(most: int, halved: list[int]) -> None:
    told: list[int] = []
    room, at_once = Room(most), AtOnce(told.append)
    found = torch.cat(at_once(room, IMAGES, LABELS))
    assert found.tolist() == [13.0 * n for n in range(7)]
    assert told == halved
    assert at_once.most == (halved[-1] if halved else None)


@pytest.mark.slow
def test_it_stays_at_what_fitted() -> None:
    room, at_once = Room(3), AtOnce()
    for _ in range(2):
        at_once(room, IMAGES, LABELS)
    assert room.seen == [7, 4, 2, 2, 2, 1, 2, 2, 2, 1]


@pytest.mark.slow
def test_a_single_picture_that_does_not_fit_is_an_error_with_a_cure() -> None:
    room = Room(0)
    with pytest.raises(TrainingError, match=r"even with 1 picture of 2 px") as caught:
        AtOnce()(room, IMAGES, LABELS)
    assert room.seen == [7, 4, 2, 1]
    assert caught.value.cure


def test_other_errors_are_passed_on() -> None:
    def wrong(images: Tensor) -> Tensor:
        raise RuntimeError("a mistake")

    with pytest.raises(RuntimeError, match="a mistake"):
        AtOnce()(wrong, IMAGES)

"""How a batch is cut, what its parts add to the cross-entropy, and what is said of it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from delta_app.training.micro_batches import Smaller, cross_entropy_share, micro_batch_sizes


@pytest.mark.parametrize("least", [1, 2])
def test_parts_hold_every_picture_once_and_as_few_as_asked(least: int) -> None:
    for pictures in range(1, 70):
        for most in range(least, 70):
            sizes = micro_batch_sizes(pictures, most, least)
            assert sum(sizes) == pictures
            assert max(sizes) - min(sizes) <= 1
            assert sizes == sorted(sizes, reverse=True)
            assert min(sizes) >= min(least, pictures)
            # Only a part that would be left alone goes above what was asked.
            assert max(sizes) <= most or (least == most == 2 and pictures % 2 == 1)


@pytest.mark.parametrize(
    ("pictures", "most", "least", "sizes"),
    [
        (64, 32, 2, [32, 32]),
        (65, 64, 2, [33, 32]),
        (64, 64, 2, [64]),
        (40, 64, 2, [40]),
        (5, 2, 2, [3, 2]),
        (5, 2, 1, [2, 2, 1]),
        (3, 2, 2, [3]),
        (1, 2, 2, [1]),
    ],
)
def test_sizes_by_hand(pictures: int, most: int, least: int, sizes: list[int]) -> None:
    assert micro_batch_sizes(pictures, most, least) == sizes


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, [1.0, 5.0, 0.25]])
def test_shares_add_up_to_torchs_mean_over_the_whole_batch(
    weights: list[float] | None, smoothing: float
) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(7, 3, dtype=torch.float64, generator=generator)
    labels = torch.tensor([0, 0, 0, 1, 2, 1, 1])  # the parts' weights differ
    how = {
        "class_weights": None if weights is None else torch.tensor(weights, dtype=torch.float64),
        "label_smoothing": smoothing,
    }
    expected = F.cross_entropy(
        logits, labels, weight=how["class_weights"], label_smoothing=smoothing
    )
    for sizes in ([7], [4, 3], [3, 2, 2], [1] * 7):
        shares = [
            cross_entropy_share(few, their, labels, **how)
            for few, their in zip(logits.split(sizes), labels.split(sizes), strict=True)
        ]
        torch.testing.assert_close(sum(shares), expected, rtol=1e-14, atol=0)


def test_words_say_the_step_the_parts_and_batchnorms_own() -> None:
    assert Smaller((32, 32), 32, batchnorm=True).words(12) == (
        "Out of memory at step 12: goes on with 2 micro-batches of 32 pictures, whose gradients "
        "are added up; the same mathematics, but BatchNorm's statistics are now those of 32 "
        "pictures."
    )
    assert Smaller((33, 32), 33, batchnorm=False).words(1) == (
        "Out of memory at step 1: goes on with 2 micro-batches of at most 33 pictures, whose "
        "gradients are added up; the same mathematics."
    )
    # Three pictures with BatchNorm, where two at a time was asked for.
    assert "2 micro-batches of at most 3 pictures" in Smaller((3, 2), 2, batchnorm=True).words(1)

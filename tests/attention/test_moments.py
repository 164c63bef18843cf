"""Sums over pictures: the same as from all values at once, whatever the batches and the groups."""

from __future__ import annotations

import pytest
import torch

from delta_app.attention.moments import Moments, moments


def test_by_hand() -> None:
    # Filter 0: group 0 has 1 and 3, mean 2, scatter 2; group 1 has 5. Filter 1: 0, 0 and 7.
    found = moments(torch.tensor([[1.0, 5.0, 3.0], [0.0, 7.0, 0.0]]), torch.tensor([0, 1, 0]), 3)
    assert found.count.tolist() == [2, 1, 0]
    assert found.mean.tolist() == [[2, 0], [5, 7], [0, 0]]
    assert found.scatter.tolist() == [[2, 0], [0, 0], [0, 0]]
    # Together: 1, 3, 5 with mean 3 and scatter 4 + 0 + 4.
    assert found.together(0).mean.tolist() == pytest.approx([3, 7 / 3])
    assert found.together(0).scatter[0].item() == pytest.approx(8)


def test_without_groups_all_pictures_are_one() -> None:
    found = moments(torch.tensor([[2.0, 4.0]]))
    assert (found.count.item(), found.mean.tolist(), found.scatter.tolist()) == (2, [3], [2])


def test_batches_put_together_are_the_whole() -> None:
    values = torch.randn(4, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    groups = torch.arange(50) % 3
    whole = moments(values, groups, 3)
    parts = [moments(v, g, 3) for v, g in zip(values.split(7, 1), groups.split(7), strict=True)]
    summed = parts[0]
    for part in parts[1:]:
        summed = summed + part
    for one, other in zip(_parts(summed), _parts(whole), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_a_scatter_far_smaller_than_the_mean_keeps_its_digits() -> None:
    """Sums of squares of such values have lost it: 1e16 plus one leaves no variance."""
    values = torch.tensor([[1.0, 2.0, 3.0, 4.0]], dtype=torch.float64) + 1e8
    found = moments(values[:, :2]) + moments(values[:, 2:])
    assert found.scatter.item() == pytest.approx(5, rel=1e-9)
    of_squares = values.square().sum() - values.sum().square() / 4
    assert abs(of_squares.item() - 5) > 0.1


def _parts(found: Moments) -> tuple[torch.Tensor, ...]:
    return found.count, found.mean, found.scatter

"""The pictures that excite a filter most, on a network whose outputs are known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from delta_app.attention.excitation import Excitation, largest, peaks
from delta_app.models.feature_maps import count_hooks


def test_a_peak_is_the_largest_value_anywhere() -> None:
    maps = torch.tensor([[[[1.0, -3.0], [4.0, 0.0]], [[-5.0, -2.0], [-7.0, -9.0]]]])  # (1, 2, 2, 2)
    assert peaks(maps).tolist() == [[4.0], [-2.0]]


def test_of_equal_values_the_first_comes_first() -> None:
    values = torch.tensor([[1.0, 3.0, 3.0, 2.0]])
    found, places = largest(values, torch.tensor([[10, 11, 12, 13]]), 3)
    assert found.tolist() == [[3.0, 3.0, 2.0]]
    assert places.tolist() == [[11, 12, 13]]


@pytest.fixture
def network() -> nn.Module:
    """Whose layer "0" puts out the red channel and minus the green one."""
    layer = nn.Conv2d(3, 2, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, 0, 0], [0, -1.0, 0]]).view(2, 3, 1, 1)
    return nn.Sequential(layer, nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)).eval()


def test_the_best_of_all_batches_are_kept(network: nn.Module) -> None:
    images = torch.zeros(5, 3, 2, 2)
    images[:, 0, 0, 1] = torch.tensor([1.0, 5.0, 2.0, 4.0, 3.0])  # red at one position alone
    images[:, 1] = torch.tensor([1.0, 5.0, 2.0, 4.0, 3.0]).view(5, 1, 1)  # green everywhere
    seen = Excitation(network, ["0"], most=3)
    for places in (torch.tensor([4, 1]), torch.tensor([0, 2, 3])):
        seen.look(images[places], places)
    values, places = seen.of("0")
    assert values.tolist() == [[5.0, 4.0, 3.0], [-1.0, -2.0, -3.0]]
    assert places.tolist() == [[1, 3, 4], [0, 2, 4]]
    assert (values.dtype, places.dtype) == (torch.float32, torch.int32)
    assert count_hooks(network) == 0


def test_fewer_pictures_than_are_kept(network: nn.Module) -> None:
    seen = Excitation(network, ["0"])
    seen.look(torch.rand(2, 3, 2, 2), torch.arange(2))
    assert [tuple(each.shape) for each in seen.of("0")] == [(2, 2), (2, 2)]


def test_no_hook_is_left_by_a_forward_that_fails(network: nn.Module) -> None:
    with pytest.raises(RuntimeError):
        Excitation(network, ["0"]).look(torch.rand(1, 3, 5, 5), torch.arange(1))
    assert count_hooks(network) == 0

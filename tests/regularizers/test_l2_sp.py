"""L2-SP against numbers worked by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from delta_app.regularizers.base import Penalised
from delta_app.regularizers.l2_sp import L2SP, L2SPSettings, l2_sp


def test_half_the_squared_distance_to_the_starting_point() -> None:
    now = {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor([[3.0]])}
    start = {"a": torch.tensor([0.0, 4.0]), "b": torch.tensor([[1.0]])}
    # 1/2 * ((1-0)^2 + (2-4)^2 + (3-1)^2) = 1/2 * (1 + 4 + 4)
    assert l2_sp(now, start).item() == 4.5


def test_the_gradient_is_the_difference_itself() -> None:
    w = torch.tensor([3.0, -1.0], requires_grad=True)
    l2_sp({"w": w}, {"w": torch.tensor([1.0, 1.0])}).backward()
    assert w.grad is not None
    assert w.grad.tolist() == [2.0, -2.0]


def test_float64_stays_float64() -> None:
    tiny = 1e-12
    now = {"w": torch.tensor([1.0 + tiny], dtype=torch.float64)}
    omega = l2_sp(now, {"w": torch.tensor([1.0], dtype=torch.float64)})
    assert omega.dtype == torch.float64
    assert omega.item() == pytest.approx(0.5 * tiny**2, rel=1e-3)


def test_half_precision_weights_do_not_overflow() -> None:
    now = {"w": torch.full((4,), 300.0, dtype=torch.float16)}
    start = {"w": torch.zeros(4, dtype=torch.float16)}
    assert l2_sp(now, start).item() == 0.5 * 4 * 300.0**2  # 90,000 each: infinite in fp16


def test_a_parameter_the_target_lacks_is_an_error() -> None:
    with pytest.raises(KeyError, match="missing"):
        l2_sp({"w": torch.ones(1)}, {"missing": torch.ones(1)})


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1)
        self.bn = nn.BatchNorm2d(1)
        self.fc = nn.Linear(1, 1)


@pytest.fixture
def moved() -> Penalised:
    """Every parameter one away from a starting point of zeros; the head is not held."""
    net = _Net()
    for parameter in net.parameters():
        nn.init.ones_(parameter)
    held = [n for n, _ in net.named_parameters() if not n.startswith("fc")]
    start = {n: torch.zeros_like(net.get_parameter(n)) for n in held}
    return Penalised(target=net, starting_point=start, head=(net.fc.weight, net.fc.bias))


def test_by_default_batchnorm_and_biases_are_held(moved: Penalised) -> None:
    # convolution weight and bias, BatchNorm weight and bias: four ones
    assert L2SP(L2SPSettings()).backbone_term(moved).item() == 2.0


def test_on_demand_only_convolution_weights_are_held(moved: Penalised) -> None:
    assert L2SP(L2SPSettings(parameters="convolutions")).backbone_term(moved).item() == 0.5


def test_the_head_is_pulled_to_zero_bias_included(moved: Penalised) -> None:
    # 1/2 * (1^2 + 1^2)
    assert L2SP(L2SPSettings()).head_term(moved).item() == 1.0

"""What subtracting two losses loses in float32 and bfloat16, and carrying the change does not."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from delta_app.attention.ablation import ImportanceEngine, _FullForwards
from delta_app.attention.differences import cross_entropy

LAYER, CHANNELS = "2", 8


def faint_network() -> nn.Sequential:
    """A network whose second convolution's filters whisper, so that each matters little."""
    generator = torch.Generator().manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.ReLU(),
        nn.Conv2d(8, CHANNELS, 3),
        nn.SiLU(),
        nn.Conv2d(8, 16, 3),
        nn.BatchNorm2d(16),
        nn.Hardswish(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 5),
    )
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2, generator=generator)
    with torch.no_grad():
        for parameter in network[2].parameters():
            parameter.mul_(1e-5)
    return network.eval()


def by_subtraction(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """The authors' way; only the two losses themselves are formed in float64. (C, N)."""
    with torch.no_grad():
        full = _FullForwards(network, (LAYER,), images)
        return cross_entropy(full.logits, full.without(LAYER, range(CHANNELS)), labels)


@pytest.mark.parametrize(
    ("dtype", "ours_at_most", "subtraction_at_least"),
    [(torch.float32, 1e-5, 1e-2), (torch.bfloat16, 5e-2, 0.9)],
)
def test_small_importances_keep_their_digits(
    dtype: torch.dtype, ours_at_most: float, subtraction_at_least: float
) -> None:
    """Against float64 with the very same weights and pictures: relative errors over the layer."""
    network = faint_network().to(dtype)
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(6, 3, 12, 12, generator=generator).to(dtype)
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    double = copy.deepcopy(network).double()
    exact = by_subtraction(double, images.double(), labels)
    carried = ImportanceEngine(network, (LAYER,)).measure(images, labels)[LAYER]
    subtracted = by_subtraction(network, images, labels)
    assert (carried - exact).norm() < ours_at_most * exact.norm()
    assert (subtracted - exact).norm() > subtraction_at_least * exact.norm()

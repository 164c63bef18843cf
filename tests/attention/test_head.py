"""The attention's head is the same, however many pictures run together."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from delta_app.attention.head import train_head
from delta_app.models.at_once import AtOnce


class Narrow(nn.Module):
    """Holds three pictures at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(len(x))
        if len(x) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return x


def trained(narrow: nn.Module, at_once: AtOnce) -> tuple[float, Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), narrow, nn.Flatten())
    model.append(nn.Linear(4 * 4, 2)).double()
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(7, 3, 4, 4, dtype=torch.float64, generator=generator)
    labels = torch.tensor([0, 1, 0, 1, 1, 0, 1])
    loss = train_head(model, lambda e: [(images, labels)], epochs=3, lr=0.1, at_once=at_once)
    return loss, model[4].weight.detach()


@pytest.mark.slow
def test_out_of_memory_halves_what_runs_together_and_changes_no_number() -> None:
    loss, weight = trained(nn.Identity(), AtOnce())
    told: list[int] = []
    narrow = Narrow()
    other_loss, other = trained(narrow, AtOnce(told.append))
    assert told == [4, 2]
    assert narrow.seen == [7, 4, 2, 2, 2, 1] + [2, 2, 2, 1] * 2
    assert abs(other_loss - loss) < 1e-6  # the loss is float32
    torch.testing.assert_close(other, weight, rtol=1e-5, atol=1e-7)

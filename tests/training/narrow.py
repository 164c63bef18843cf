"""A small network in whose middle memory runs out, when and where a test wants it."""

from __future__ import annotations

import copy
import weakref
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from delta_app.config import OptimizationSettings
from delta_app.models.randomness import use_generator
from delta_app.regularizers import method
from delta_app.training.devices import MixedPrecision
from delta_app.training.optimizers import build_optimizer
from delta_app.training.step import Step

CPU = torch.device("cpu")
CLASSES = 3
LAYERS = ("conv1", "conv2")
ATTENTION = {
    "conv1": torch.softmax(torch.arange(5.0), 0),
    "conv2": torch.softmax(torch.arange(7.0), 0),
}


class Narrow(nn.Module):
    """Lets everything through, but runs out of memory for more pictures than `most`.

    Attributes:
        most: pictures; None lets any number through.
        backward: whether it runs out on the way back.
        really: whether it asks for a petabyte, so that it is torch's allocator that refuses.
        spared: so many times too many pictures still pass.
        seen: how many pictures each forward had.
        kept: the errors it raised: somebody who keeps an error must not keep its tensors.
        lost: of the tensors that did not fit.
    """

    def __init__(self) -> None:
        super().__init__()
        self.most: int | None = None
        self.backward = False
        self.really = False
        self.spared = 0
        self.seen: list[int] = []
        self.kept: list[Exception] = []
        self.lost: list[weakref.ref[Tensor]] = []

    def forward(self, features: Tensor) -> Tensor:
        assert all(reference() is None for reference in self.lost), "a failed try's are still held"
        self.seen.append(len(features))
        if self.most is None or len(features) <= self.most:
            return features
        if self.spared:
            self.spared -= 1
            return features
        features = features.clone()
        self.lost.append(weakref.ref(features))
        if not self.backward:
            self._run_out()
        features.register_hook(lambda gradient: self._run_out())
        return features

    def _run_out(self) -> None:
        if self.really:
            torch.empty(2**50, dtype=torch.uint8)
        error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        self.kept.append(error)
        raise error


class Net(nn.Module):
    """Convolutions with or without BatchNorm, dropout on both sides of the narrow place."""

    def __init__(self, *, batchnorm: bool, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 5, 3)
        self.bn1 = nn.BatchNorm2d(5) if batchnorm else nn.Identity()
        self.before = nn.Dropout(dropout)
        self.narrow = Narrow()
        self.conv2 = nn.Conv2d(5, 7, 3)
        self.bn2 = nn.BatchNorm2d(7) if batchnorm else nn.Identity()
        self.after = nn.Dropout(dropout)
        self.fc = nn.Linear(7, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.narrow(self.before(F.relu(self.bn1(self.conv1(x)))))
        x = F.relu(self.bn2(self.conv2(x))).mean((2, 3))
        return self.fc(self.after(x))


def narrow_step(
    name: str = "l2",
    settings: dict[str, Any] | None = None,
    *,
    batchnorm: bool = True,
    dropout: float = 0.0,
    dtype: torch.dtype = torch.float32,
    precision: torch.dtype | None = None,
    device: torch.device = CPU,
    **options: Any,
) -> tuple[Step, Net, torch.optim.Optimizer]:
    """A step on such a network, always the same one, its target and its optimizer."""
    torch.manual_seed(0)
    source = Net(batchnorm=batchnorm, dropout=dropout).to(dtype).eval().requires_grad_(False)
    target = copy.deepcopy(source).requires_grad_(True)
    with torch.no_grad():
        for parameter in target.parameters():  # so that no term is zero
            parameter.add_(torch.randn(parameter.shape).to(dtype), alpha=0.1)
    for network in (source, target):
        network.to(device)
    use_generator(target, torch.Generator(device).manual_seed(7))
    cls = method(name)
    regularizer = cls(
        cls.Settings.model_validate({"method": name} | (settings or {})),
        {layer: weights.to(device, dtype) for layer, weights in ATTENTION.items()},
    )
    optimizer = build_optimizer(
        target,
        OptimizationSettings(lr=0.05),
        weight_decay=regularizer.weight_decay,
        trains_backbone=regularizer.trains_backbone,
    )
    mixed = MixedPrecision(device, precision)
    step = Step(target, source, regularizer, optimizer, mixed, layers=LAYERS, **options)
    return step, target, optimizer


def drawn_batches(
    steps: int, pictures: int, dtype: torch.dtype = torch.float32
) -> list[tuple[Tensor, Tensor]]:
    """Noise with labels, always the same."""
    generator = torch.Generator().manual_seed(5)
    return [
        (
            torch.randn(pictures, 3, 9, 9, generator=generator).to(dtype),
            torch.randint(CLASSES, (pictures,), generator=generator),
        )
        for _ in range(steps)
    ]

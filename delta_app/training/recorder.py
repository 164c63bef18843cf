"""Collects what the steps measure and reads it from the device only now and then."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import torch
from torch import Tensor

from delta_app.errors import TrainingError
from delta_app.training import metric_names as names
from delta_app.training.observer import Observer

READ_EVERY_STEPS = 10
READ_EVERY_SECONDS = 0.5

_TERM_WORDS = {
    names.LOSS_CROSS_ENTROPY: "cross-entropy",
    names.LOSS_BACKBONE: "alpha times the backbone term",
    names.LOSS_HEAD: "beta times the head term",
    names.LOSS_TOTAL: "loss",
}


class Recorder:
    """Passes step metrics on to an observer, many steps at a time.

    Reading a number from a GPU waits for it, so terms stay on the device until ten steps or
    half a second have gone by; on the CPU reading costs nothing and half a second decides.

    Raises:
        TrainingError: from `step` and `flush`, a loss is not finite; it names step, term and
            learning rate.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._waiting: list[tuple[int, float, dict[str, Tensor], dict[str, float]]] = []
        self._read_at = time.monotonic()
        self._right: list[Tensor] = []
        self._right_before = 0  # of this epoch, before the run was taken up in it
        self._seen = 0

    def step(
        self, step: int, epoch: float, terms: dict[str, Tensor], rates: Mapping[str, float], n: int
    ) -> None:
        """Take the terms of a step on n pictures."""
        self._right.append(terms.pop("right"))
        self._seen += n
        values = {names.LR_HEAD: rates["head"]}
        if "backbone" in rates:
            values[names.LR_BACKBONE] = rates["backbone"]
        self._waiting.append((step, epoch, terms, values))
        waited = time.monotonic() - self._read_at
        if len(self._waiting) >= READ_EVERY_STEPS or waited >= READ_EVERY_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Read what waits on the device and pass it on."""
        waiting, self._waiting = self._waiting, []
        self._read_at = time.monotonic()
        if not waiting:
            return
        stacked = torch.stack([t.float() for _, _, terms, _ in waiting for t in terms.values()])
        numbers = iter(stacked.tolist())  # the one transfer
        for step, epoch, terms, values in waiting:
            measured = {name: next(numbers) for name in terms}
            _check_finite(step, measured, values)
            self._observer.metrics(step, epoch, measured | values)

    def train_top1(self) -> float:
        """Share of the pictures right since the last call, as trained: crops and mode."""
        right, seen = self.counted()
        share = right / seen if seen else 0.0
        self.take_up(0, 0)
        return share

    def counted(self) -> tuple[int, int]:
        """Pictures right, and pictures, since `train_top1` was last asked for."""
        new = int(torch.stack(self._right).sum()) if self._right else 0
        return self._right_before + new, self._seen

    def take_up(self, right: int, seen: int) -> None:
        """Count on from these."""
        self._right, self._right_before, self._seen = [], right, seen


def _check_finite(step: int, terms: Mapping[str, float], rates: Mapping[str, float]) -> None:
    broken = [name for name, value in terms.items() if not math.isfinite(value)]
    if not broken:
        return
    parts = [name for name in broken if name != names.LOSS_TOTAL] or broken
    words = " and ".join(_TERM_WORDS[name] for name in parts)
    rate = rates.get(names.LR_BACKBONE, rates[names.LR_HEAD])
    raise TrainingError(
        f"At step {step} {words} became {terms[parts[0]]} at learning rate {rate:g}.",
        cure="Lower the learning rate, or alpha where its term grew first.",
    )

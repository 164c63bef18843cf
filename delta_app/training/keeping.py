"""Which epoch's weights are kept, and what of them lies on disk meanwhile."""

from __future__ import annotations

import time
from pathlib import Path

from torch import Tensor, nn

from delta_app.training.evaluation import Evaluation
from delta_app.training.weights_files import cpu_state, save_state

BEST_FILE = "best.safetensors"
SNAPSHOT_FILE = "snapshot.safetensors"
SECONDS_BETWEEN_WRITES = 10.0


class KeptWeights:
    """Keeps the epoch with the best validation accuracy; the last one without validation.

    Ties go to the lower validation cross-entropy. Files are written at most every ten seconds
    and at the end, so that short epochs do not wait for the disk.

    Attributes:
        epoch: 1-based, of the weights that are kept; None before the first epoch ends.
        val_top1: of that epoch; None without validation.
    """

    def __init__(self, folder: Path, target: nn.Module) -> None:
        self._folder = folder
        self._target = target
        self._best: dict[str, Tensor] | None = None
        self._best_on_disk = True
        self._rank: tuple[float, float] | None = None
        self._written: dict[str, float] = {}
        self.epoch: int | None = None
        self.val_top1: float | None = None

    def end_of_epoch(self, epoch: int, val: Evaluation | None, *, last: bool) -> bool:
        """Take the weights of an epoch that ended; returns whether they are now the kept ones."""
        state = cpu_state(self._target)
        rank = None if val is None else (val.top1, -val.cross_entropy)
        better = rank is None or self._rank is None or rank > self._rank
        if better:
            self._best, self._rank, self.epoch = state, rank, epoch
            self.val_top1 = None if val is None else val.top1
            self._best_on_disk = False
        if last or self._due(SNAPSHOT_FILE):
            self._write(SNAPSHOT_FILE, state)
        if not self._best_on_disk and (last or self._due(BEST_FILE)):
            self._write_best()
        return better

    def restore(self) -> bool:
        """Load the kept weights into the target and make sure they lie on disk.

        Returns:
            False where no epoch has ended.
        """
        if self._best is None:
            return False
        if not self._best_on_disk:
            self._write_best()
        self._target.load_state_dict(self._best)
        return True

    def _write_best(self) -> None:
        if self._best is not None:
            self._write(BEST_FILE, self._best)
            self._best_on_disk = True

    def _write(self, name: str, state: dict[str, Tensor]) -> None:
        save_state(self._folder / name, state)
        self._written[name] = time.monotonic()

    def _due(self, name: str) -> bool:
        return (
            name not in self._written
            or time.monotonic() - self._written[name] >= SECONDS_BETWEEN_WRITES
        )

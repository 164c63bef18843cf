"""Which epoch's weights are kept, and what of them lies on disk meanwhile."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from delta_app.training.disk import RunDisk
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

    def __init__(self, folder: Path, target: nn.Module, disk: RunDisk) -> None:
        self._folder = folder
        self._target = target
        self._disk = disk
        self._best: dict[str, Tensor] | None = None
        self._best_on_disk = True
        self._rank: tuple[float, float] | None = None
        self._tried: dict[str, float] = {}
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
            self._try_to_write(SNAPSHOT_FILE, state)
        if last or self._due(BEST_FILE):
            self.keep_on_disk()
        return better

    def keep_on_disk(self) -> None:
        """Write the kept weights where the disk has not got them; what it cannot take waits."""
        if self._best is not None and not self._best_on_disk:
            self._best_on_disk = self._try_to_write(BEST_FILE, self._best)

    def load_into_target(self) -> bool:
        """Load the kept weights into the target, and wait until they lie on disk.

        Returns:
            False where no epoch has ended.
        """
        best = self._best
        if best is None:
            return False
        if not self._best_on_disk:
            self._disk.insist(lambda: save_state(self._folder / BEST_FILE, best), "the best epoch")
            self._best_on_disk = True
        self._target.load_state_dict(best)
        return True

    def state(self) -> dict[str, Any]:
        """All of it, as tensors and plain types, for a checkpoint."""
        return {
            "epoch": self.epoch,
            "val_top1": self.val_top1,
            "rank": self._rank,
            "best": self._best,
        }

    def take_up(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave; the file may be of a later epoch and is written anew."""
        self.epoch, self.val_top1 = state["epoch"], state["val_top1"]
        self._rank = None if state["rank"] is None else tuple(state["rank"])
        self._best = None if state["best"] is None else dict(state["best"])
        self._best_on_disk = False

    def _try_to_write(self, name: str, state: Mapping[str, Tensor]) -> bool:
        self._tried[name] = time.monotonic()
        what = "the best epoch" if name == BEST_FILE else "the latest weights"
        return self._disk.try_to(lambda: save_state(self._folder / name, state), what)

    def _due(self, name: str) -> bool:
        tried = self._tried.get(name)
        return tried is None or time.monotonic() - tried >= SECONDS_BETWEEN_WRITES

"""What a run reached on its validation and test pictures, class by class, once it has ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from delta_app.errors import RunError
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import RunRecord
from delta_app.services.kept import Kept

KEPT_RUNS = 16
KEPT_BYTES = 100_000_000
_CELL_BYTES = 8  # of a confusion matrix in memory: most counts are small, and shared


@dataclass(frozen=True)
class SplitResult:
    """One split's result.

    Attributes:
        top1, balanced_accuracy: shares.
        cross_entropy: mean over pictures, in nats.
        recall: by class, a share; None for a class without a picture.
        confusion: counts, row true class, column answer.
    """

    top1: float
    balanced_accuracy: float
    cross_entropy: float
    recall: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]

    @property
    def pictures(self) -> int:
        return sum(map(sum, self.confusion))

    @property
    def wrong(self) -> int:
        """How many pictures were taken for another class."""
        return self.pictures - sum(row[place] for place, row in enumerate(self.confusion))


@dataclass(frozen=True)
class RunResults:
    """What a run reached.

    Attributes:
        classes: by label.
        splits: "test" and "val", as far as the run was evaluated on them; test first.
    """

    classes: tuple[str, ...]
    splits: dict[str, SplitResult]


def results_of(run: RunRecord) -> RunResults | None:
    """A run's results; None while it goes on, or where it ended before it was evaluated.

    Raises:
        RunError: its files cannot be read.
    """
    folder = RunFolder(Path(run.folder))
    try:
        stamp = folder.predictions.stat().st_mtime_ns
    except OSError:
        return None
    return _kept.get((folder, stamp), lambda: _read(folder))


def _bytes_of(results: RunResults) -> int:
    return 10_000 + _CELL_BYTES * len(results.splits) * len(results.classes) ** 2


_kept: Kept[RunResults] = Kept(KEPT_BYTES, _bytes_of, most=KEPT_RUNS)


def _read(folder: RunFolder) -> RunResults:
    try:
        classes = json.loads(folder.model.read_text(encoding="utf-8"))["classes"]
        found = json.loads(folder.predictions.read_text(encoding="utf-8"))
        splits = {
            name: SplitResult(
                top1=found[name]["top1"],
                balanced_accuracy=found[name]["balanced_accuracy"],
                cross_entropy=found[name]["cross_entropy"],
                recall=tuple(found[name]["recall"]),
                confusion=tuple(tuple(row) for row in found[name]["confusion"]),
            )
            for name in ("test", "val")
            if name in found
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"The results in {folder.path} cannot be read: {type(error).__name__}: {error}.",
            cure="Train the run again.",
        ) from error
    return RunResults(tuple(classes), splits)

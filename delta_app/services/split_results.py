"""What a run reached on its validation and test pictures, class by class, once it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from delta_app.errors import RunError
from delta_app.json_files import checked, read_json
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import RunRecord
from delta_app.services.kept import Kept
from delta_app.training.network_file import read_network

KEPT_RUNS = 16
KEPT_BYTES = 100_000_000
_CELL_BYTES = 8  # of a confusion matrix in memory: most counts are small, and shared

_Share = Annotated[float, Field(ge=0.0, le=1.0)]
_Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True)
class SplitResult:
    """One split's result.

    Attributes:
        top1, balanced_accuracy: shares.
        cross_entropy: mean over pictures, in nats.
        recall: by class, a share; None for a class without a picture.
        confusion: counts, row true class, column answer.
    """

    top1: _Share
    balanced_accuracy: _Share
    cross_entropy: Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
    recall: tuple[_Share | None, ...]
    confusion: tuple[tuple[_Count, ...], ...]

    @property
    def pictures(self) -> int:
        return sum(map(sum, self.confusion))

    @property
    def wrong(self) -> int:
        """How many pictures were taken for another class."""
        return self.pictures - sum(row[place] for place, row in enumerate(self.confusion))


_SPLITS = ("test", "val")
_RESULTS = TypeAdapter(dict[str, SplitResult])


@dataclass(frozen=True)
class RunResults:
    """What a run reached.

    Attributes:
        classes: by label.
        splits: "test" and "val", as far as the run was evaluated on them; test first.
    """

    classes: tuple[str, ...]
    splits: Mapping[str, SplitResult]


def results_of(run: RunRecord) -> RunResults | None:
    """A run's results; None while it goes on, or where it ended before it was evaluated.

    Raises:
        RunError: its files cannot be read.
    """
    folder = RunFolder(Path(run.folder))
    try:
        predictions = folder.predictions.stat().st_mtime_ns
    except OSError:
        return None
    try:
        model = folder.model.stat().st_mtime_ns
    except OSError:
        model = 0  # reading it says so
    return _kept.get((folder, predictions, model), lambda: read_results(folder))


def _bytes_of(results: RunResults) -> int:
    return 10_000 + _CELL_BYTES * len(results.splits) * len(results.classes) ** 2


_kept: Kept[RunResults] = Kept(KEPT_BYTES, _bytes_of, most=KEPT_RUNS)


def read_results(folder: RunFolder) -> RunResults:
    """The results in a run's folder; nothing is kept.

    Raises:
        RunError: its files cannot be read.
    """
    try:
        classes = read_network(folder.model).classes
        found = checked(_RESULTS, read_json(folder.predictions))
        splits = {name: found[name] for name in _SPLITS if name in found}
        for name, result in splits.items():
            rows = (len(result.recall), len(result.confusion), *map(len, result.confusion))
            if set(rows) != {len(classes)}:
                raise ValueError(
                    f"{name}: its recall or confusion is not of {len(classes)} classes"
                )
    except (OSError, ValueError) as error:
        raise RunError(
            f"The results in {folder.path} cannot be read: {type(error).__name__}: {error}.",
            cure="Train the run again.",
        ) from error
    return RunResults(classes, splits)

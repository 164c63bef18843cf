"""The pictures of a run's splits, with what the run answered to those it was tested on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from delta_app.data.records import SPLIT_WORDS, SPLITS, Picture, SplitName, Splits
from delta_app.errors import RunError
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import RunRecord
from delta_app.services.kept import Kept

Verdict = Literal["right", "wrong"]

SPLIT_LABELS: dict[str, str] = {name: words.capitalize() for name, words in SPLIT_WORDS.items()}

KEPT_RUNS = 16
KEPT_BYTES = 300_000_000
_PICTURE_BYTES, _PROBABILITY_BYTES = 1_000, 32  # of one in memory, about


@dataclass(frozen=True)
class RunPicture:
    """One picture of a run.

    Attributes:
        key: how an address names it: the first 12 hex digits of its digest, so that it stays
            the same in every run.
        predicted, probability: the run's answer; None for pictures it kept no answer to
            (training pictures, and all while it goes on).
        probabilities: of every class, in the classes' order; empty without an answer.
    """

    key: str
    split: SplitName
    picture: Picture
    true_class: str
    predicted: str | None = None
    probability: float | None = None
    probabilities: tuple[float, ...] = ()

    @property
    def verdict(self) -> Verdict | None:
        """Whether the answer is right; None without one."""
        if self.predicted is None:
            return None
        return "right" if self.predicted == self.true_class else "wrong"


@dataclass(frozen=True)
class RunPictures:
    """All pictures of a run."""

    classes: tuple[str, ...]
    pictures: tuple[RunPicture, ...]

    def splits(self) -> tuple[SplitName, ...]:
        """The splits that have pictures, test first: it is what one wants to look at."""
        present = {picture.split for picture in self.pictures}
        return tuple(name for name in ("test", "val", "train") if name in present)

    def select(
        self,
        split: str | None = None,
        true_class: str | None = None,
        verdict: Verdict | None = None,
    ) -> tuple[RunPicture, ...]:
        """Those of a split, a class, or rightly or wrongly answered; None takes all."""
        return tuple(
            picture
            for picture in self.pictures
            if split in (None, picture.split)
            and true_class in (None, picture.true_class)
            and verdict in (None, picture.verdict)
        )

    def find(self, key: str | None) -> RunPicture | None:
        """The picture of that key; None where there is none."""
        return next((picture for picture in self.pictures if picture.key == key), None)

    def same(self, picture: Picture) -> RunPicture | None:
        """The picture of that content in this run; None where it has none."""
        return next((p for p in self.pictures if p.picture.digest == picture.digest), None)


def pictures_of(run: RunRecord) -> RunPictures:
    """A run's pictures, split by split; read again only where its files have changed.

    Raises:
        RunError: the run has not split its pictures yet, or its files cannot be read.
    """
    folder = RunFolder(Path(run.folder))
    if not folder.split.is_file():
        raise RunError(
            f"{run.name} has not read its pictures yet.",
            cure="They are listed a moment after the run starts.",
        )
    key = folder.split, _stamp(folder.split), folder.predictions, _stamp(folder.predictions)
    return _kept.get(key, lambda: _read(*key))


def _stamp(path: Path) -> tuple[int, int]:
    """Tells one state of a file from another; (0, 0) where it is not there."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_ino


def _bytes_of(pictures: RunPictures) -> int:
    answers = sum(len(picture.probabilities) for picture in pictures.pictures)
    return _PICTURE_BYTES * len(pictures.pictures) + _PROBABILITY_BYTES * answers


_kept: Kept[RunPictures] = Kept(KEPT_BYTES, _bytes_of, most=KEPT_RUNS)


def _read(
    split_file: Path,
    split_stamp: tuple[int, int],
    predictions_file: Path,
    predictions_stamp: tuple[int, int],
) -> RunPictures:
    try:
        splits = Splits.from_json(json.loads(split_file.read_text(encoding="utf-8")))
        answers: dict[str, Any] = {}
        if predictions_stamp != (0, 0):
            answers = json.loads(predictions_file.read_text(encoding="utf-8"))
        pictures = [
            _with_answer(split, place, picture, splits.classes, answers.get(split))
            for split in SPLITS
            for place, picture in enumerate(splits.of(split))
        ]
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise RunError(
            f"The pictures of the run in {split_file.parent} cannot be read: "
            f"{type(error).__name__}: {error}.",
            cure="Train the run again.",
        ) from error
    return RunPictures(splits.classes, tuple(pictures))


def _with_answer(
    split: SplitName,
    place: int,
    picture: Picture,
    classes: tuple[str, ...],
    answers: dict[str, Any] | None,
) -> RunPicture:
    key, true_class = picture.digest[:12], classes[picture.label]
    if answers is None:
        return RunPicture(key, split, picture, true_class)
    answer = answers["pictures"][place]
    probabilities = tuple(answer["probabilities"])
    predicted = int(answer["predicted"])
    return RunPicture(
        key, split, picture, true_class, classes[predicted], probabilities[predicted], probabilities
    )

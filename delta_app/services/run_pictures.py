"""The pictures of a run's splits, with what the run answered to those it was tested on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from delta_app.data.records import SPLIT_WORDS, SPLITS, Picture, SplitName, Splits
from delta_app.errors import RunError
from delta_app.json_files import checked, read_json
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import RunRecord
from delta_app.services.kept import Kept

Verdict = Literal["right", "wrong"]

SPLIT_LABELS: dict[str, str] = {name: words.capitalize() for name, words in SPLIT_WORDS.items()}

KEPT_RUNS = 16
KEPT_BYTES = 300_000_000
_PICTURE_BYTES, _PROBABILITY_BYTES = 1_000, 32  # of one in memory, about


@dataclass(frozen=True)
class _Answer:
    """What predictions.json says of a picture.

    Attributes:
        relative: which it is; never opened.
    """

    predicted: Annotated[int, Field(ge=0)]
    probabilities: tuple[Annotated[float, Field(ge=0.0, le=1.0)], ...]
    relative: str


@dataclass(frozen=True)
class _Answered:
    """What it says of a split."""

    pictures: tuple[_Answer, ...]


_ANSWERED = TypeAdapter(dict[str, _Answered])


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
    return _kept.get(key, lambda: read_pictures(folder))


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


def read_pictures(folder: RunFolder) -> RunPictures:
    """The pictures in a run's folder, with the answers where there are any; nothing is kept.

    Raises:
        RunError: its files cannot be read.
    """
    try:
        splits = Splits.from_json(read_json(folder.split))
        answered: dict[str, _Answered] = {}
        if folder.predictions.is_file():
            answered = checked(_ANSWERED, read_json(folder.predictions))
        pictures = [
            each for split in SPLITS for each in _of_a_split(split, splits, answered.get(split))
        ]
    except (OSError, ValueError) as error:
        raise RunError(
            f"The pictures of the run in {folder.path} cannot be read: "
            f"{type(error).__name__}: {error}.",
            cure="Train the run again.",
        ) from error
    return RunPictures(splits.classes, tuple(pictures))


def _of_a_split(split: SplitName, splits: Splits, answered: _Answered | None) -> list[RunPicture]:
    """A split's pictures with the answers to them, which stand in the same order.

    Raises:
        ValueError: the answers are not those to these pictures.
    """
    pictures = splits.of(split)
    if answered is None:
        return [_without_answer(split, picture, splits.classes) for picture in pictures]
    if len(answered.pictures) != len(pictures):
        raise ValueError(
            f"{split} has {len(pictures)} pictures and {len(answered.pictures)} answers"
        )
    return [
        _with_answer(_without_answer(split, picture, splits.classes), answer, splits.classes)
        for picture, answer in zip(pictures, answered.pictures, strict=True)
    ]


def _without_answer(split: SplitName, picture: Picture, classes: tuple[str, ...]) -> RunPicture:
    return RunPicture(picture.digest[:12], split, picture, classes[picture.label])


def _with_answer(picture: RunPicture, answer: _Answer, classes: tuple[str, ...]) -> RunPicture:
    if answer.relative != picture.picture.relative:
        raise ValueError(
            f"the answer to {answer.relative!r} stands where that to "
            f"{picture.picture.relative!r} is expected"
        )
    if len(answer.probabilities) != len(classes) or answer.predicted >= len(classes):
        raise ValueError(
            f"the answer to {picture.picture.relative} is not one of {len(classes)} classes"
        )
    return replace(
        picture,
        predicted=classes[answer.predicted],
        probability=answer.probabilities[answer.predicted],
        probabilities=answer.probabilities,
    )

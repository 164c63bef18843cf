"""What is known of a folder of pictures: its pictures, its problems and its splits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from delta_app.data.names import printable
from delta_app.json_files import checked

SplitName = Literal["train", "val", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "val", "test")
SPLIT_WORDS: dict[SplitName, str] = {"train": "training", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class Picture:
    """One picture that decodes.

    Attributes:
        path: absolute.
        relative: to the dataset's folder, with forward slashes.
        label: index into the dataset's classes.
        digest: sha256 (hex) of the file's bytes, so copies of one picture share it.
        width, height: in pixels, after the EXIF orientation was applied.
    """

    path: str
    relative: str
    label: Annotated[int, Field(ge=0)]
    digest: Annotated[str, Field(pattern="^[0-9a-f]+$")]
    width: int
    height: int


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that is not used, and why."""

    relative: str
    reason: str


@dataclass(frozen=True)
class Problem:
    """Something about a folder that a person should know, in their words.

    Attributes:
        level: with an error the folder cannot be used; a warning changes what is learned or
            measured; an info is worth knowing.
        title: a few words with a full stop, so that the message can follow it.
        message: what was expected and what was found, with the names.
        cure: what to do about it.
        suggestion: a folder that would be right, where there is one.
    """

    level: Literal["error", "warning", "info"]
    title: str
    message: str
    cure: str = ""
    suggestion: str | None = None


@dataclass(frozen=True)
class DatasetCheck:
    """A folder after every picture in it was decoded once.

    Attributes:
        root: the folder, absolute.
        name: what to call it.
        classes: sorted by name; a label is an index into them.
        given: the splits that the folder has; a flat folder has only "train". A picture that
            stands in two of them is already kept out of the one that trains.
        left_out: every picture that is not used, and why.
    """

    root: str
    name: str
    classes: tuple[str, ...]
    given: Mapping[SplitName, tuple[Picture, ...]]
    left_out: tuple[LeftOut, ...]
    problems: tuple[Problem, ...]

    @property
    def usable(self) -> bool:
        """Whether something can be trained on it: no problem is an error."""
        return not any(problem.level == "error" for problem in self.problems)

    @property
    def n_pictures(self) -> int:
        """Pictures that are used, over all given splits."""
        return sum(len(pictures) for pictures in self.given.values())

    @property
    def fingerprint(self) -> str:
        """sha256 (hex) over the classes and every picture's split, label and content.

        Names of files do not count, nor does the place of the folder.
        """
        lines = [f"class {name}" for name in self.classes]
        for split in SPLITS:
            pictures = self.given.get(split, ())
            lines += sorted(f"{split} {picture.label} {picture.digest}" for picture in pictures)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def counts(self) -> dict[SplitName, list[int]]:
        """Pictures of each class, by given split."""
        return {s: _by_class(p, len(self.classes)) for s, p in self.given.items()}


@dataclass(frozen=True)
class Splits:
    """The pictures that train, that choose the epoch, and that test once at the end."""

    classes: tuple[str, ...]
    train: tuple[Picture, ...]
    val: tuple[Picture, ...]
    test: tuple[Picture, ...]

    def of(self, name: SplitName) -> tuple[Picture, ...]:
        """The pictures of one split."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]

    def counts(self) -> dict[SplitName, list[int]]:
        """Pictures of each class, by split."""
        return {name: _by_class(self.of(name), len(self.classes)) for name in SPLITS}

    def to_json(self) -> dict[str, Any]:
        """Plain types, every file of every split by name, for split.json."""
        value: dict[str, Any] = {"classes": list(self.classes)}
        for name in SPLITS:
            value[name] = [asdict(picture) for picture in self.of(name)]
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Splits:
        """What `to_json` gave.

        Raises:
            ValueError: it cannot have given that.
        """
        splits = checked(_SPLITS, value)
        for name in SPLITS:
            outside = next((p for p in splits.of(name) if not _stands_in_its_folder(p)), None)
            if outside is not None:
                raise ValueError(
                    f"{name}: {outside.relative!r} is not the place of {outside.path!r} in a folder"
                )
            wrong = [p for p in splits.of(name) if p.label >= len(splits.classes)]
            if wrong:
                raise ValueError(
                    f"{name}: {wrong[0].relative} has the label {wrong[0].label}, "
                    f"there are {len(splits.classes)} classes"
                )
        return splits


_SPLITS = TypeAdapter(Splits)


def _stands_in_its_folder(picture: Picture) -> bool:
    """Whether a picture's path is a folder's and then its place in there, without a way out."""
    place = picture.relative.replace("\\", "/")
    path = picture.path.replace("\\", "/")
    if ".." in path.split("/") or ".." in place.split("/") or place.startswith("/"):
        return False
    # What the place shows of a character that cannot be printed begins with a backslash too.
    shown = printable(picture.path).replace("\\", "/")
    return path.endswith(f"/{place}") or shown.endswith(f"/{place}")


def _by_class(pictures: tuple[Picture, ...], n_classes: int) -> list[int]:
    counts = [0] * n_classes
    for picture in pictures:
        counts[picture.label] += 1
    return counts

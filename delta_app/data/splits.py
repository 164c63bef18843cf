"""Splits cut from a checked folder: stratified, seeded, copies kept together."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from delta_app.config import DataSettings
from delta_app.data.records import DatasetCheck, Picture, Splits
from delta_app.errors import DatasetError
from delta_app.formatting import some


def make_splits(check: DatasetCheck, settings: DataSettings) -> Splits:
    """The splits as given, and those that the folder lacks cut from its training pictures.

    First test, then validation (a share of what is left), then the cap per class on what
    trains. A picture's place hangs on the seed and its content alone, so that renaming files or
    adding others moves it as little as can be.

    Raises:
        DatasetError: the folder is not usable, or nothing would be left to train, choose or
            test by.
    """
    for problem in check.problems:
        if problem.level == "error":
            raise DatasetError(
                f"{problem.title} {problem.message}", cure=problem.cure, field="data"
            )
    train = check.given["train"]
    test = check.given.get("test", ())
    val = check.given.get("val", ())
    if "test" not in check.given and settings.test_fraction > 0:
        test, train = cut(train, settings.test_fraction, f"{settings.split_seed} test")
        _refuse_none(test, "test", "test_fraction", settings.test_fraction)
    if "val" not in check.given and settings.val_fraction > 0:
        val, train = cut(train, settings.val_fraction, f"{settings.split_seed} val")
        _refuse_none(val, "validation", "val_fraction", settings.val_fraction)
    _refuse_empty_classes(train, check.classes)
    if settings.per_class is not None:
        train = capped(train, settings.per_class, f"{settings.split_seed} cap")
    return Splits(check.classes, _ordered(train), _ordered(val), _ordered(test))


def cut(
    pictures: Sequence[Picture], fraction: float, salt: str
) -> tuple[tuple[Picture, ...], tuple[Picture, ...]]:
    """Cut about `fraction` of each class off.

    Of n pictures of a class round(fraction * n) are cut, at least one and never all; of a
    single picture (or copies of one) none. Copies go together, by their first label.

    Returns:
        (cut off, kept).
    """
    by_class: dict[int, list[list[Picture]]] = defaultdict(list)
    for group in _groups(pictures, salt):
        by_class[group[0].label].append(group)
    off: list[Picture] = []
    kept: list[Picture] = []
    for _, groups in sorted(by_class.items()):
        total = sum(len(group) for group in groups)
        wanted = max(1, int(fraction * total + 0.5))
        taken = 0
        for place, group in enumerate(groups):
            last = place == len(groups) - 1
            # A group is taken where that brings the number nearer to what is wanted.
            if not last and (taken == 0 or taken + len(group) / 2 <= wanted):
                off += group
                taken += len(group)
            else:
                kept += group
    return tuple(off), tuple(kept)


def capped(pictures: Sequence[Picture], per_class: int, salt: str) -> tuple[Picture, ...]:
    """At most `per_class` pictures of each class, a copy only where nothing else is left.

    The choice for a smaller cap is part of that for a larger one.
    """
    by_class: dict[int, list[tuple[int, int, Picture]]] = defaultdict(list)
    for rank, group in enumerate(_groups(pictures, salt)):
        for copy, picture in enumerate(group):
            by_class[picture.label].append((copy, rank, picture))
    return tuple(
        picture
        for _, ranked in sorted(by_class.items())
        for _, _, picture in sorted(ranked, key=lambda each: each[:2])[:per_class]
    )


def _groups(pictures: Sequence[Picture], salt: str) -> list[list[Picture]]:
    """Copies together, groups in an order drawn from the salt and each picture's content."""
    groups: dict[str, list[Picture]] = defaultdict(list)
    for picture in _ordered(pictures):
        groups[picture.digest].append(picture)
    drawn = sorted(groups, key=lambda digest: hashlib.sha256(f"{salt} {digest}".encode()).digest())
    return [groups[digest] for digest in drawn]


def _ordered(pictures: Sequence[Picture]) -> tuple[Picture, ...]:
    return tuple(sorted(pictures, key=lambda picture: picture.relative))


def _refuse_none(pictures: Sequence[Picture], what: str, field: str, fraction: float) -> None:
    if not pictures:
        raise DatasetError(
            f"A {what} share of {fraction} cuts no picture: each class has only one.",
            cure=f"Set the {what} share to 0, or add pictures.",
            field=field,
        )


def _refuse_empty_classes(train: Sequence[Picture], classes: Sequence[str]) -> None:
    present = {picture.label for picture in train}
    empty = [name for label, name in enumerate(classes) if label not in present]
    if empty:
        raise DatasetError(
            f"No training picture would be left of {some(empty)}.",
            cure="Add pictures of it, or make the test and validation shares smaller.",
            field="data",
        )

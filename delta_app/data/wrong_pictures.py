"""What to say of pictures that cannot be read, stand twice, or are too few."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from delta_app.data.records import SPLIT_WORDS, Picture, Problem, SplitName
from delta_app.formatting import count, counted, some

_FOLDERS_NAMED = 20
Given = Mapping[SplitName, Sequence[Picture]]


def unreadable(files: Sequence[tuple[str, str, bool]], reasons: Mapping[str, str]) -> list[Problem]:
    """One problem a class folder that holds pictures which cannot be read.

    Args:
        files: each file's class folder, its name seen from the root, and whether it is refused.
        reasons: why each left-out file is left out, by its name seen from the root.
    """
    by_folder: dict[str, list[str]] = defaultdict(list)
    totals: dict[str, int] = defaultdict(int)
    for folder, relative, refused in files:
        totals[folder] += 1
        if refused:
            by_folder[folder].append(relative)
    problems = [
        _unreadable_in(folder, totals[folder], names, reasons)
        for folder, names in list(by_folder.items())[:_FOLDERS_NAMED]
    ]
    if len(by_folder) > _FOLDERS_NAMED:
        rest = list(by_folder.items())[_FOLDERS_NAMED:]
        number = sum(len(names) for _, names in rest)
        problems.append(
            Problem(
                "warning",
                "Pictures that cannot be read.",
                f"{counted(number, 'more picture')} in {counted(len(rest), 'more folder')} cannot "
                f"be read and are left out: {some([folder for folder, _ in rest])}.",
                cure="Mend or remove them.",
            )
        )
    in_classes = {relative for _, relative, _ in files}
    others = {name: reason for name, reason in reasons.items() if name not in in_classes}
    others = {name: r for name, r in others.items() if r != "lies in no class folder"}
    if others:
        named = some([f"{name} {reason}" for name, reason in others.items()])
        problems.append(
            Problem(
                "warning",
                "Files left out.",
                f"{counted(len(others), 'file or folder', 'files or folders')} left out: {named}.",
                cure="Convert pictures of other kinds to JPEG or PNG; mend links and permissions.",
            )
        )
    return problems


def _unreadable_in(
    folder: str, total: int, names: Sequence[str], reasons: Mapping[str, str]
) -> Problem:
    named = some([f"{PurePosixPath(name).name} ({reasons[name]})" for name in names])
    are, they = ("is", "It stays") if len(names) == 1 else ("are", "They stay")
    return Problem(
        "warning",
        "Pictures that cannot be read.",
        f"{count(len(names))} of {counted(total, 'picture')} in {folder} cannot be read and {are} "
        f"left out: {named}. {they} on disk.",
        cure="Mend or remove them.",
    )


def in_two_splits(taken_out: Sequence[tuple[Picture, str]]) -> list[Problem]:
    """Pictures that stood in two given splits, and were kept out of the earlier one."""
    if not taken_out:
        return []
    named = some([f"{picture.relative} {reason}" for picture, reason in taken_out])
    return [
        Problem(
            "warning",
            "The same picture in two splits.",
            f"{counted(len(taken_out), 'picture')} of training or validation also "
            f"{'stands' if len(taken_out) == 1 else 'stand'} in a later split and "
            f"{'is' if len(taken_out) == 1 else 'are'} left out of the earlier: {named}.",
            cure="Nothing to do: a picture that was trained on cannot test. To train on it, "
            "remove it from the other split.",
        )
    ]


def copies(given: Given, classes: Sequence[str]) -> list[Problem]:
    """Pictures that stand twice within a split: under one class, or under two."""
    groups = [group for pictures in given.values() for group in _copies_in(pictures)]
    mixed = [group for group in groups if len({picture.label for picture in group}) > 1]
    same = [group for group in groups if len({picture.label for picture in group}) == 1]
    problems = []
    if mixed:
        named = some([_named(group) for group in mixed], most=3)
        problems.append(
            Problem(
                "warning",
                "The same picture under two classes.",
                f"{counted(len(mixed), 'picture')} under more than one class: {named}.",
                cure="Remove each from the class it does not show.",
            )
        )
    if same:
        named = some([_named(group) for group in same], most=3)
        problems.append(
            Problem(
                "info",
                "Copies.",
                f"{counted(len(same), 'picture')} more than once in a class: {named}. Where splits "
                "are cut, copies stay together.",
            )
        )
    return problems


def _copies_in(pictures: Sequence[Picture]) -> list[list[Picture]]:
    times = Counter(picture.digest for picture in pictures)
    by_digest: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        if times[picture.digest] > 1:  # most stand once: no list is made for each
            by_digest[picture.digest].append(picture)
    return list(by_digest.values())


def _named(copies: Sequence[Picture]) -> str:
    """Where one picture stands: "a/1.png = b/2.png", and no endless list."""
    names = [picture.relative for picture in copies]
    more = f" and {count(len(names) - 3)} more" if len(names) > 3 else ""
    return " = ".join(names[:3]) + more


def missing_classes(given: Given, classes: Sequence[str]) -> list[Problem]:
    """Classes that have no picture in a given split."""
    problems = []
    for split, pictures in given.items():
        present = {picture.label for picture in pictures}
        missing = [name for label, name in enumerate(classes) if label not in present]
        if not missing:
            continue
        what = f"{counted(len(missing), 'class', 'classes')} without {SPLIT_WORDS[split]} pictures"
        there = {classes[label].casefold(): classes[label] for label in sorted(present)}
        spelt = [(m, there[m.casefold()]) for m in missing if m.casefold() in there]
        hint = "".join(f" {m} and {t} differ only in upper and lower case." for m, t in spelt[:3])
        if split == "train":
            folder = f"train/{missing[0]}" if len(given) > 1 else missing[0]
            problems.append(
                Problem(
                    "error",
                    "Classes missing from training.",
                    f"{what}: {some(missing)}.{hint}",
                    cure=f"Put pictures into {folder}, or remove the class everywhere: what was "
                    "never shown cannot be learned.",
                )
            )
        else:
            problems.append(
                Problem(
                    "warning",
                    f"Classes missing from {SPLIT_WORDS[split]}.",
                    f"{what}: {some(missing)}. Its accuracy says nothing about them.{hint}",
                    cure=f"Put pictures into {split}/{missing[0]}, or remove the {split} folder to "
                    "have it cut from the training pictures.",
                )
            )
    return problems


def too_few(given: Given, classes: Sequence[str]) -> list[Problem]:
    """Classes with so few training pictures that splits cannot be cut, or little be learned."""
    distinct: list[set[str]] = [set() for _ in classes]
    for picture in given.get("train", ()):
        distinct[picture.label].add(picture.digest)
    cut = 2 - sum(split in given for split in ("val", "test"))  # splits still to be cut
    single = [name for name, seen in zip(classes, distinct, strict=True) if len(seen) == 1]
    few = [n for n, seen in zip(classes, distinct, strict=True) if 1 < len(seen) < 1 + cut]
    problems = []
    if single and "test" not in given:
        problems.append(
            Problem(
                "error",
                "Too few pictures.",
                f"{counted(len(single), 'class', 'classes')} with a single picture: "
                f"{some(single)}. One is needed to train and one to test.",
                cure="Add pictures (ten or more a class are a good start), or remove the class.",
            )
        )
    elif single and cut:
        few = single + few
    if few:
        problems.append(
            Problem(
                "warning",
                "Too few pictures.",
                f"{counted(len(few), 'class', 'classes')} with fewer than {1 + cut} different "
                f"pictures: {some(few)}. Not every split can have one of them.",
                cure="Add pictures (ten or more a class are a good start).",
            )
        )
    return problems

"""From a folder to its classes and splits, by names alone; no picture is opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from delta_app.data import wrong_folder
from delta_app.data.listing import Listing, class_name, holds_pictures, list_folder, walk_pictures
from delta_app.data.names import is_text, printable, split_of
from delta_app.data.nearby import class_folders, folder_above, has_class_folders, looks_split
from delta_app.data.records import SPLITS, LeftOut, Problem, SplitName
from delta_app.errors import Cancelled
from delta_app.formatting import counted, some


@dataclass
class Scan:
    """Files by split and class, before any was opened."""

    root: Path
    files: dict[SplitName, dict[str, list[Path]]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether something was found already that makes the folder unusable."""
        return any(problem.level == "error" for problem in self.problems)

    def relative(self, path: Path) -> str:
        """`path` seen from the root, with forward slashes, fit to be shown."""
        root = str(self.root).rstrip(os.sep) + os.sep  # many times as fast as Path.relative_to
        return printable(str(path).removeprefix(root).replace(os.sep, "/"))

    def leave_out(self, refused: Iterable[tuple[Path, str]]) -> None:
        """Note files or folders that are not used."""
        self.left_out += [LeftOut(self.relative(path), reason) for path, reason in refused]


@dataclass
class _Walker:
    """Asked while folders are read: whether to go on, and how many pictures there are."""

    on_found: Callable[[int], None] | None
    cancelled: Callable[[], bool] | None
    found: int = 0

    def each(self, folders: Iterable[Path]) -> Iterator[Path]:
        """The folders one by one, until it is cancelled."""
        for folder in folders:
            if self.cancelled is not None and self.cancelled():
                raise Cancelled
            yield folder

    def count(self, pictures: int) -> None:
        self.found += pictures
        if self.on_found is not None:
            self.on_found(self.found)


def scan_folder(
    text: str | Path,
    *,
    on_found: Callable[[int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Scan:
    """The classes and splits that a folder holds, or what is wrong with it.

    Args:
        text: the folder as typed or pasted; quotes around it and `~` are understood.
        on_found: called with the number of pictures found so far.

    Raises:
        Cancelled: `cancelled` said so.
    """
    root = folder_of(text)
    scan = Scan(root)
    problem = wrong_folder.not_a_readable_folder(root, str(text))
    if problem is not None:
        scan.problems.append(problem)
        return scan
    listing = list_folder(root)
    scan.leave_out(listing.refused)
    walker = _Walker(on_found, cancelled)
    by_split = _split_folders(listing)
    others = walker.each(f for f in listing.folders if split_of(f.name) is None)
    inner = [folder for folder in others if looks_split(folder)]
    if inner and not any(has_class_folders(f) for each in by_split.values() for f in each):
        scan.problems.append(wrong_folder.too_high(root, inner))
    elif _is_split(listing, by_split, walker):
        _scan_splits(scan, listing, by_split, walker)
    else:
        _scan_flat(scan, listing, walker)
    return scan


def folder_of(text: str | Path) -> Path:
    """The absolute folder a person means: quotes and spaces around it dropped, `~` expanded."""
    cleaned = str(text).strip()
    if len(cleaned) >= 2 and cleaned[0] == cleaned[-1] and cleaned[0] in "\"'":
        cleaned = cleaned[1:-1]
    return Path(os.path.abspath(os.path.expanduser(cleaned.removeprefix("file://"))))


def _split_folders(listing: Listing) -> dict[SplitName, list[Path]]:
    by_split: dict[SplitName, list[Path]] = {}
    for folder in listing.folders:
        split = split_of(folder.name)
        if split is not None:
            by_split.setdefault(split, []).append(folder)
    return by_split


def _is_split(listing: Listing, by_split: dict[SplitName, list[Path]], walker: _Walker) -> bool:
    """Whether folders named like splits are splits; `train` may be a class beside `plane`."""
    folders = [folder for each in by_split.values() for folder in each]
    if any(has_class_folders(folder) for folder in folders):
        return True
    with_pictures = [folder for folder in folders if holds_pictures(folder)]
    if len(with_pictures) != 1:
        return len(with_pictures) >= 2
    others = walker.each(f for f in listing.folders if f not in folders)
    return not any(holds_pictures(folder) for folder in others)


def _scan_flat(scan: Scan, listing: Listing, walker: _Walker) -> None:
    classes = _scan_classes(scan, listing.folders, walker)
    if not classes:
        if not scan.problems:
            scan.problems.append(wrong_folder.no_classes(scan.root, listing))
        return
    scan.files["train"] = classes
    _note_strays(scan, listing.pictures, scan.root.name or str(scan.root))
    if scan.failed:
        return
    if len(classes) == 1:
        only = next(iter(classes))
        scan.problems.append(wrong_folder.one_class(scan.root, only, listing))
    elif (above := folder_above(scan.root)) is not None and split_of(scan.root.name):
        scan.problems.append(wrong_folder.one_split_of(scan.root, above))
    inner = [
        folder
        for folder in walker.each(listing.folders)
        if any(split_of(each.name) for each in class_folders(folder))
    ]
    if inner:
        scan.problems.append(wrong_folder.splits_inside_classes(inner))


def _scan_splits(
    scan: Scan, listing: Listing, by_split: dict[SplitName, list[Path]], walker: _Walker
) -> None:
    for split in SPLITS:
        folders = by_split.get(split, [])
        if len(folders) > 1:
            scan.problems.append(wrong_folder.two_folders_of_a_split(split, folders))
        classes: dict[str, list[Path]] = {}
        for folder in folders:
            try:
                inside = list_folder(folder)
            except OSError as error:
                scan.problems.append(wrong_folder.cannot_list(scan.relative(folder), error))
                continue
            scan.leave_out(inside.refused)
            found = _scan_classes(scan, inside.folders, walker, above=(folder,))
            for name, pictures in found.items():
                classes.setdefault(name, []).extend(pictures)
            if inside.pictures and not found:
                scan.problems.append(wrong_folder.no_classes_in_split(split, folder, inside))
            else:
                _note_strays(scan, inside.pictures, scan.relative(folder))
        if classes:
            scan.files[split] = classes
    if not scan.failed:
        names = {name for each in scan.files.values() for name in each}
        if "train" not in scan.files:
            scan.problems.append(wrong_folder.no_training_pictures(scan.root, by_split))
        elif len(names) == 1:
            scan.problems.append(wrong_folder.one_class(scan.root, names.pop(), listing))
    _note_strays(scan, listing.pictures, scan.root.name)
    taken = [folder for each in by_split.values() for folder in each]
    rest = walker.each(f for f in listing.folders if f not in taken)
    beside = [folder for folder in rest if holds_pictures(folder)]
    if beside:
        scan.problems.append(wrong_folder.folders_beside_splits(beside))


def _scan_classes(
    scan: Scan, folders: list[Path], walker: _Walker, above: tuple[Path, ...] = ()
) -> dict[str, list[Path]]:
    """Class -> its pictures, for the folders that hold some."""
    classes: dict[str, list[Path]] = {}
    for folder in walker.each(folders):
        if not is_text(folder.name):
            scan.leave_out([(folder, "has a name that is not valid text")])
            continue
        try:
            walk = walk_pictures(
                folder,
                (scan.root, *above),
                on_folder=walker.count,
                cancelled=walker.cancelled,
            )
        except OSError as error:
            scan.problems.append(wrong_folder.cannot_list(scan.relative(folder), error))
            continue
        scan.leave_out(walk.refused)
        if walk.pictures:
            classes.setdefault(class_name(folder), []).extend(walk.pictures)
    return classes


def _note_strays(scan: Scan, strays: list[Path], where: str) -> None:
    """Pictures beside class folders belong to no class: named and left out."""
    if not strays:
        return
    scan.leave_out([(path, "lies in no class folder") for path in strays])
    names = some([path.name for path in strays])
    scan.problems.append(
        Problem(
            "warning",
            "Pictures outside the classes.",
            f"{counted(len(strays), 'picture')} directly in {printable(where)} "
            f"{'belongs' if len(strays) == 1 else 'belong'} to no class and "
            f"{'is' if len(strays) == 1 else 'are'} left out: {names}.",
            cure="Move them into the folder of their class.",
        )
    )

"""A folder checked: laid out as expected, and every picture decoded once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from delta_app.data import wrong_pictures
from delta_app.data.decode import read_bytes, verify
from delta_app.data.records import SPLITS, DatasetCheck, LeftOut, Picture, SplitName
from delta_app.data.scan import Scan, scan_folder
from delta_app.data.threads import in_threads
from delta_app.errors import Cancelled, DatasetError


def check_folder(
    root: str | Path,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> DatasetCheck:
    """The classes, pictures and problems of a folder; nothing is written into it.

    Every picture is read and decoded once, in threads, so that none can fail later. A folder
    that cannot be used comes back with problems that are errors, never as an exception.

    Args:
        on_progress: called with pictures decoded and pictures in all; while the folder is still
            being listed with 0 and those found so far.
        cancelled: asked between folders, between pictures, and between what is looked at once all
            are read; it takes less than a second from one to the next.

    Raises:
        Cancelled: `cancelled` said so.
    """

    def on_found(pictures: int) -> None:
        if on_progress is not None:
            on_progress(0, pictures)

    def go_on() -> None:
        if cancelled is not None and cancelled():
            raise Cancelled

    scan = scan_folder(root, on_found=on_found, cancelled=cancelled)
    go_on()
    if scan.failed:
        return _record(scan, (), {})
    classes = tuple(sorted({name for each in scan.files.values() for name in each}))
    files = _files(scan, classes, go_on)
    examined = in_threads(_examine, files, on_progress=on_progress, cancelled=cancelled)
    given: dict[SplitName, list[Picture]] = {split: [] for split in SPLITS if split in scan.files}
    for file, result in zip(files, examined, strict=True):
        if isinstance(result, Picture):
            given[file.split].append(result)
        else:
            scan.left_out.append(LeftOut(file.relative, result))
            file.refused = True
    go_on()
    scan.problems += wrong_pictures.unreadable(
        [(f.folder, f.relative, f.refused) for f in files],
        {each.relative: each.reason for each in scan.left_out},
    )
    go_on()
    apart, in_two = keep_splits_apart({split: tuple(each) for split, each in given.items()})
    scan.left_out += [LeftOut(picture.relative, reason) for picture, reason in in_two]
    scan.problems += wrong_pictures.in_two_splits(in_two)
    for judge in (wrong_pictures.copies, wrong_pictures.missing_classes, wrong_pictures.too_few):
        go_on()
        scan.problems += judge(apart, classes)
    return _record(scan, classes, apart)


@dataclass
class _File:
    """A file before it was opened."""

    path: Path
    relative: str
    folder: str
    split: SplitName
    label: int
    refused: bool = False


def _files(scan: Scan, classes: tuple[str, ...], go_on: Callable[[], None]) -> list[_File]:
    labels = {name: label for label, name in enumerate(classes)}
    files = []
    for split in SPLITS:
        for name in sorted(scan.files.get(split, {})):
            go_on()
            shown = _shown_class(split, name, scan)
            files += [
                _File(path, scan.relative(path), shown, split, labels[name])
                for path in sorted(scan.files[split][name])
            ]
    return files


def _shown_class(split: SplitName, name: str, scan: Scan) -> str:
    return name if list(scan.files) == ["train"] else f"{split}/{name}"


def _examine(file: _File) -> Picture | str:
    """The picture, or the reason why it cannot be used."""
    try:
        data = read_bytes(file.path)
        width, height = verify(data)
    except DatasetError as error:
        return error.message
    digest = hashlib.sha256(data).hexdigest()
    return Picture(str(file.path), file.relative, file.label, digest, width, height)


def keep_splits_apart(
    given: dict[SplitName, tuple[Picture, ...]],
) -> tuple[dict[SplitName, tuple[Picture, ...]], list[tuple[Picture, str]]]:
    """Take pictures (by content) that stand in a later split out of the earlier ones.

    Training gives way to validation and test, validation to test, so that what a split
    measures was never trained on nor chosen by.

    Returns:
        The splits without them, and each picture taken out with the reason.
    """
    taken_out: list[tuple[Picture, str]] = []
    apart: dict[SplitName, tuple[Picture, ...]] = {}
    held: dict[str, str] = {}  # digest -> where it stands
    for split in reversed(SPLITS):
        if split not in given:
            continue
        kept = []
        for picture in given[split]:
            if picture.digest in held:
                reason = f"is the same picture as {held[picture.digest]}"
                taken_out.append((picture, reason))
            else:
                kept.append(picture)
        apart[split] = tuple(kept)
        held |= {p.digest: p.relative for p in reversed(kept)}
    return {split: apart[split] for split in SPLITS if split in apart}, taken_out


def _record(
    scan: Scan, classes: tuple[str, ...], given: dict[SplitName, tuple[Picture, ...]]
) -> DatasetCheck:
    order = {"error": 0, "warning": 1, "info": 2}
    return DatasetCheck(
        root=str(scan.root),
        name=scan.root.name or str(scan.root),
        classes=classes,
        given=given,
        left_out=tuple(sorted(scan.left_out, key=lambda each: each.relative)),
        problems=tuple(sorted(scan.problems, key=lambda problem: order[problem.level])),
    )

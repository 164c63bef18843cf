"""The store made anew from the run folders, or made to agree with them.

A damaged store is moved aside, never deleted. The new one is made under another name and takes
its place when it is whole, so that a repair that is killed leaves nothing that the next one cannot
begin anew. Runs go by one at a time.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from delta_app.errors import DeltaAppError, RunError, StoreError
from delta_app.runs.agreeing import agree_with_folder
from delta_app.runs.database import REPAIR
from delta_app.runs.folder import RunFolder, folders_in, run_folders
from delta_app.runs.found_run import HalfMadeError, run_in
from delta_app.runs.locks import ProcessLock, is_owned, whole_store_lock
from delta_app.runs.older_run import has_begun
from delta_app.runs.records import RunRecord
from delta_app.runs.recover import recover
from delta_app.runs.run_file import keep_run
from delta_app.runs.store import STORE_FILE, RunStore

NEW_FILE = ".store.sqlite.new"
_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database's file."""

OnProgress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Repaired:
    """One run and what was done about it.

    Attributes:
        done: "rebuilt" in a new store, "added" to a sound one, "made to agree" with its folder,
            or nothing.
    """

    run: str
    name: str
    status: str
    done: Literal["rebuilt", "added", "made to agree", "unchanged"]


@dataclass(frozen=True)
class Left:
    """A folder that was left as it is, and why."""

    folder: str
    why: str


@dataclass
class Report:
    """What a repair found and did.

    Attributes:
        damage: what was wrong with the store's file; None where it is sound.
        moved_to: where the damaged file was moved; None where there was none to move.
        runs: every run of the store, in the order of their creation.
        left: folders that are no run of the store.
        gone: runs of a sound store whose folder is gone; they are kept unless they are forgotten.
        forgotten: those of them whose rows were deleted.
    """

    store: Path
    damage: str | None = None
    moved_to: Path | None = None
    runs: list[Repaired] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    gone: list[RunRecord] = field(default_factory=list)
    forgotten: list[RunRecord] = field(default_factory=list)


def repair(
    runs_dir: Path, *, forget: bool = False, on_progress: OnProgress | None = None
) -> Report:
    """Make the store of a runs folder sound, with a row for every run folder.

    Args:
        forget: whether rows whose folder is gone are deleted.
        on_progress: is told how many folders are done, how many there are, and the next one's
            name.

    Raises:
        RunError: a process works on a run of this folder.
        StoreError: another program holds the store, a later version wrote it, or the disk cannot
            take what is written.
    """
    progress = on_progress or (lambda done, total, name: None)
    try:
        with _alone(runs_dir):
            report = Report(runs_dir / STORE_FILE)
            report.damage = _damage(report.store)
            if report.damage is None:
                try:
                    _make_agree(report, runs_dir, forget, progress)
                except StoreError as error:  # numbers that can be none, which SQLite passes
                    report = Report(report.store, damage=_of_damage(error))
            if report.damage is not None:
                _make_anew(report, runs_dir, progress)
            report.left += _unknown(runs_dir)
    except OSError as error:
        raise StoreError(
            f"The store in {runs_dir} cannot be repaired: {error.strerror or error}.",
            cure="Make room on the disk, or give yourself the right to write there, and repair it "
            "again.",
        ) from error
    return report


@contextmanager
def _alone(runs_dir: Path) -> Iterator[None]:
    """Keep every other process of this machine from working on runs of the folder meanwhile.

    Raises:
        RunError: one does already.
    """
    folder = runs_dir / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    held: list[ProcessLock] = []
    try:
        whole = whole_store_lock(runs_dir)
        others = sorted({*folder.glob("*.lock")} - {whole.path})
        for lock in (whole, *map(ProcessLock, others)):
            if not lock.acquire():
                raise RunError(
                    f"The store in {runs_dir} cannot be repaired now: another process works there "
                    f"and holds {lock.path}.",
                    cure="Stop or pause its run, or wait until it has ended.",
                )
            held.append(lock)
        for run in run_folders(runs_dir):
            if is_owned(run):
                raise RunError(
                    f"The store in {runs_dir} cannot be repaired now: another process works on "
                    f"{run.path.name}.",
                    cure="Stop or pause it, or wait until it has ended.",
                )
        yield
    finally:
        for lock in held:
            lock.release()


def _damage(file: Path) -> str | None:
    """What is wrong with the store's file; None where it is sound, or there is nothing yet.

    Raises:
        StoreError: it cannot be told: it is locked, or of a later version.
    """
    if not file.exists():
        return "it is missing"
    if not file.stat().st_size:
        return "it is empty"
    try:
        store = _opened(file)
        try:
            why = store.why_unsound()
            if why is None:
                _read_all(store)
            return why
        finally:
            store.close()
    except StoreError as error:
        return _of_damage(error)


def _of_damage(error: StoreError) -> str:
    """What an error says of a damaged store; raised again where it is about something else."""
    if error.cure != REPAIR:
        raise error
    return error.message


def _read_all(store: RunStore) -> None:
    """Look at every run and its log as the app does.

    Raises:
        StoreError: something in it cannot be.
    """
    for record in store.runs():
        store.events(record.id)


def _opened(file: Path) -> RunStore:
    return RunStore(file.parent, f"sqlite:///{file}")


def _unknown(runs_dir: Path) -> list[Left]:
    """Folders with a run's files that do not say which run it is."""
    known = {folder.path for folder in run_folders(runs_dir)}
    lost = [path for path in folders_in(runs_dir) if path not in known]
    return [
        Left(path.name, "config.json and run.json are missing")
        for path in lost
        if has_begun(RunFolder(path))
    ]


# A sound store


def _make_agree(report: Report, runs_dir: Path, forget: bool, progress: OnProgress) -> None:
    store = _opened(report.store)
    try:
        recover(store)
        known = {record.id: record for record in store.runs()}
        folders = run_folders(runs_dir)
        done: dict[str, Repaired] = {}
        for number, folder in enumerate(folders):
            progress(number, len(folders), folder.path.name)
            record = known.get(folder.path.name)
            if record is None:
                _add(report, store, folder, "added")
            else:
                done[record.id] = _agreed(report, store, record, folder)
        before = [done[run] for run in reversed(known) if run in done]
        report.runs = [*before, *report.runs]
        there = {folder.path.name for folder in folders}
        for record in known.values():
            if record.id in there:
                continue
            if record.folder.exists():
                continue  # said of every folder that does not say what it is
            report.gone.append(record)
            if forget:
                store.delete(record.id)
                report.forgotten.append(record)
    finally:
        store.close()


def _agreed(report: Report, store: RunStore, record: RunRecord, folder: RunFolder) -> Repaired:
    changed = False
    try:
        changed = agree_with_folder(store, record.id, folder)
    except (ValueError, OSError) as error:
        report.left.append(Left(record.id, f"its numbers stay as they were: {error}"))
    if not folder.run.exists():
        changed = keep_run(record) or changed
    return Repaired(
        record.id, record.name, record.status, "made to agree" if changed else "unchanged"
    )


def _add(
    report: Report, store: RunStore, folder: RunFolder, how: Literal["added", "rebuilt"]
) -> None:
    """Give a folder a row, its numbers and its log; what cannot be read is told."""
    try:
        record = store.adopt(run_in(folder, store.names()))
    except HalfMadeError:
        why = "whoever made it was killed before there was a run: it has settings and nothing else"
        report.left.append(Left(folder.path.name, why))
        return
    except (ValueError, OSError) as error:
        report.left.append(Left(folder.path.name, str(error)))
        return
    try:
        agree_with_folder(store, record.id, folder)
    except (ValueError, OSError) as error:
        report.left.append(Left(folder.path.name, f"its numbers could not all be read: {error}"))
    report.runs.append(Repaired(record.id, record.name, record.status, how))


# A store that cannot be used


def _make_anew(report: Report, runs_dir: Path, progress: OnProgress) -> None:
    new = runs_dir / NEW_FILE
    for path in (new, *_beside(new)):
        path.unlink(missing_ok=True)
    _keep_what_can_be_read(report.store)
    store = RunStore(runs_dir, f"sqlite:///{new}")
    try:
        folders = sorted(run_folders(runs_dir), key=_made_at)
        for number, folder in enumerate(folders):
            progress(number, len(folders), folder.path.name)
            _add(report, store, folder, "rebuilt")
    finally:
        store.close()
    with closing(sqlite3.connect(new)) as raw:
        raw.execute("PRAGMA journal_mode = DELETE")  # all of it in the one file that is renamed
    report.moved_to = _moved_aside(report.store)
    os.replace(new, report.store)


def _keep_what_can_be_read(file: Path) -> None:
    """Rows of a damaged store for folders of older versions, which have no run.json."""
    if not file.exists() or not file.stat().st_size:
        return
    with suppress(DeltaAppError):
        store = _opened(file)
        try:
            for record in store.runs():
                folder = RunFolder(record.folder)
                if folder.path.is_dir() and not folder.run.exists():
                    keep_run(record)
        finally:
            store.close()


def _made_at(folder: RunFolder) -> tuple[float, str]:
    """What puts the runs in the order of their creation."""
    try:
        return float(run_in(folder, set())["created_at"]), folder.path.name
    except (HalfMadeError, ValueError, OSError):
        return 0.0, folder.path.name


def _moved_aside(file: Path) -> Path | None:
    """Rename a damaged store, and what lies beside it; to where, None where there was none."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = file.with_name(f"{file.name}.damaged-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = file.with_name(f"{file.name}.damaged-{stamp}-{number}")
    moved = False
    # The file first: what lies beside it must never be taken for the new one's.
    for path in (file, *_beside(file)):
        if path.exists():
            moved = moved or path == file
            path.rename(aside.with_name(aside.name + path.name.removeprefix(file.name)))
    return aside if moved else None


def _beside(file: Path) -> list[Path]:
    return [file.with_name(file.name + suffix) for suffix in _BESIDE]

"""The store made to hold what a run's own folder holds of its numbers and its log."""

from __future__ import annotations

from collections import Counter

import numpy as np

from delta_app.data.names import printable
from delta_app.runs.folder import RunFolder
from delta_app.runs.journal import read_journal
from delta_app.runs.log_file import read_log
from delta_app.runs.measurements import Measured, Measurements
from delta_app.runs.records import Event


def agree_with_folder(store: Measurements, run_id: str, folder: RunFolder) -> bool:
    """Let a run's series be those of its journal, and its log have every line of its log file.

    Runs of older versions have no journal: what the store has of them stays.

    Returns:
        Whether something in the store was not so before.

    Raises:
        ValueError: the journal is damaged before its end.
        OSError: a file cannot be read.
        RunError, StoreError: there is no such run, or the store cannot be used now.
    """
    changed = False
    if folder.journal.exists():
        measured = list(read_journal(folder.journal))
        if not _same(store, run_id, measured):
            store.make_agree(run_id, [])
            store.make_agree(run_id, measured)
            changed = True
    missing = _missing_events(store, run_id, folder)
    if missing:
        store.write(run_id, happened=missing)
        changed = True
    return changed


def told_events(folder: RunFolder) -> list[Event]:
    """The lines of a run's log file that belong into the store too.

    Raises:
        OSError: the file cannot be read.
    """
    return [event for event in read_log(folder.log) if event.level != "debug"]


def _missing_events(store: Measurements, run_id: str, folder: RunFolder) -> list[Event]:
    there = Counter(map(_told, store.events(run_id, limit=1_000_000)))
    missing = []
    for event in told_events(folder):
        if there[_told(event)]:
            there[_told(event)] -= 1
        else:
            missing.append(event)
    return missing


def _told(event: Event) -> tuple[str, str]:
    """What an event says, as a log file has it too, which knows no control characters."""
    lines = (" ".join(printable(line).split()) for line in event.message.split("\n"))
    return event.level, "\n".join(lines)


def _same(store: Measurements, run_id: str, measured: list[Measured]) -> bool:
    """Whether the store has exactly these numbers."""
    series = store.metrics(run_id).series
    wanted: dict[str, list[tuple[int, float, float]]] = {}
    for step, epoch, values in measured:
        for name, value in values.items():
            wanted.setdefault(name, []).append((step, epoch, value))
    if wanted.keys() != series.keys():
        return False
    for name, rows in wanted.items():
        steps, epochs, values_ = (np.array(column) for column in zip(*rows, strict=True))
        found = series[name]
        if len(found) != len(rows) or not (
            np.array_equal(found.steps, steps)
            and np.array_equal(found.epochs, epochs)
            and np.array_equal(found.values, values_, equal_nan=True)
        ):
            return False
    return True


def last_step(folder: RunFolder) -> int:
    """The step that was measured last; 0 where none was.

    Raises:
        ValueError, OSError: the journal cannot be read.
    """
    return max((each.step for each in read_journal(folder.journal)), default=0)

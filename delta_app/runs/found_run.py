"""A run as its own folder tells it, for a store that does not know it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from delta_app.errors import RunError
from delta_app.runs.endings import how_it_ended
from delta_app.runs.folder import RunFolder
from delta_app.runs.journal import read_journal
from delta_app.runs.measurements import Measured
from delta_app.runs.older_run import has_begun, older_run
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runs.run_file import DESCRIBED, RunFile, read_run_file
from delta_app.runs.table import checked_name
from delta_app.training import metric_names as names

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class HalfMadeError(Exception):
    """The folder has settings and nothing else: whoever made it was killed before the run was."""


def run_in(folder: RunFolder, taken: set[str]) -> dict[str, Any]:
    """The columns of the row of the run in a folder, that nobody works on.

    A run that says it goes on was broken off, unless its folder has its end.

    Args:
        taken: names of other runs, for a run whose own name is not kept.

    Raises:
        HalfMadeError: no run was made in it.
        ValueError: a file that is needed is missing or damaged; in one line.
        OSError: a file cannot be read.
    """
    if not _ID.fullmatch(folder.path.name):
        raise ValueError("it is not called as a run's folder is")
    try:
        kept = read_run_file(folder.run)
    except ValueError:
        if not has_begun(folder):
            raise
        kept = None  # its other files say nearly as much
    if kept is not None:
        values = _kept(kept, folder)
    elif has_begun(folder):
        values = older_run(folder, taken)
        values |= _missing(values, told_by(read_journal(folder.journal)))
    else:
        raise HalfMadeError
    own = folder.attention
    return {**values, "id": folder.path.name, "attention": str(own) if own.is_file() else None}


def told_by(journal: Iterable[Measured]) -> dict[str, Any]:
    """Columns that follow from what was measured; none where nothing was."""
    step, epoch, best = 0, 0, (-math.inf, -math.inf)
    found: dict[str, Any] = {}
    for measured in journal:
        values = measured.values
        step = max(step, measured.step)
        if names.TRAIN_TOP1 in values:  # an epoch ended
            epoch = round(measured.epoch)
            rank = (
                values.get(names.VAL_TOP1, -math.inf),
                -values.get(names.VAL_CROSS_ENTROPY, math.inf),
            )
            if names.VAL_TOP1 not in values or rank > best:
                best = rank
                found |= {"best_epoch": epoch, "val_top1": values.get(names.VAL_TOP1)}
        if names.PICTURES_PER_SECOND in values:
            found["pictures_per_second"] = values[names.PICTURES_PER_SECOND]
        if names.MEMORY_BYTES in values:
            found["memory_bytes"] = int(values[names.MEMORY_BYTES])
    return {**found, "step": step, "epoch": epoch} if step else {}


def _kept(kept: RunFile, folder: RunFolder) -> dict[str, Any]:
    try:
        name = checked_name(kept.name)
    except RunError as error:
        raise ValueError(f"run.json does not fit: name: {error.message}") from error
    described = {column: getattr(kept, column) for column in DESCRIBED}
    values = {"kind": kept.kind, "name": name, "config": kept.config, **described, **kept.row()}
    if kept.status is not RunStatus.RUNNING:
        return values
    told = told_by(read_journal(folder.journal))
    record = RunRecord(
        id=folder.path.name,
        kind=kept.kind,
        name=name,
        status=kept.status,
        config=kept.config,
        folder=folder.path,
        created_at=kept.created_at,
        resumed_at=kept.resumed_at,
        seconds=kept.seconds,
        facts=kept.facts,
        **described,
    )
    ended = how_it_ended(record)
    if ended is None:
        last = max([kept.resumed_at or 0.0, *map(_written_at, (folder.journal, folder.log))])
        ended = {
            "status": RunStatus.INTERRUPTED,
            "finished_at": last,
            "seconds": record.worked(last),
        }
    return {**values, **told, **ended}


def _missing(values: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """What the journal tells and the other files do not."""
    return {name: value for name, value in told.items() if values.get(name) is None}


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0

"""Runs whose process died are told as such."""

from __future__ import annotations

import logging
import time
from typing import Any

from delta_app.errors import RunError
from delta_app.runs.agreeing import agree_with_folder
from delta_app.runs.endings import how_it_ended
from delta_app.runs.folder import RunFolder
from delta_app.runs.locks import is_owned
from delta_app.runs.log_file import LogFile
from delta_app.runs.records import Event, RunRecord, RunStatus
from delta_app.runs.store import RunStore

log = logging.getLogger(__name__)


def recover(store: RunStore) -> list[RunRecord]:
    """Mark every run interrupted that says it goes on although nobody works on it.

    Whether somebody does is told by the owner lock alone, which the system frees when its
    process ends: never by a clock, so that a sleeping machine interrupts nothing.

    A run that did end, which the store could not be told, is marked as it ended. Either way the
    store gets what the run's folder has of numbers and log.

    Returns:
        The runs that were marked.
    """
    marked = []
    for record in store.owned():
        folder = RunFolder(record.folder)
        if is_owned(folder):
            continue
        ending = how_it_ended(record)
        values = _interrupted(record) if ending is None else ending
        try:
            store.set_status(
                record.id,
                values.pop("status"),
                expected=record.status,
                owner=None,
                request=None,
                **values,
            )
        except RunError:
            continue  # it ended, or was marked by another process, between the two looks
        _agree(store, record, folder)
        if ending is None:
            said = Event(time.time(), "error", f"The app that worked on it ({record.owner}) ended.")
            if folder.path.is_dir():
                LogFile(folder.log).append(said)
            store.write(record.id, happened=[said])
        marked.append(store.get(record.id))
    return marked


def _interrupted(record: RunRecord) -> dict[str, Any]:
    last_sign = record.phase_at or record.resumed_at or time.time()
    return {
        "status": RunStatus.INTERRUPTED,
        "finished_at": last_sign,
        "seconds": record.worked(last_sign),
    }


def _agree(store: RunStore, record: RunRecord, folder: RunFolder) -> None:
    """Take over what the store was not told; files that cannot be read change nothing."""
    try:
        agree_with_folder(store, record.id, folder)
    except (ValueError, OSError) as error:
        log.warning("run %s: %s", record.id, error)

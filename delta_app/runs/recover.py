"""Runs whose process died are told as such."""

from __future__ import annotations

import time

from delta_app.errors import RunError
from delta_app.runs.folder import RunFolder
from delta_app.runs.locks import is_owned
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runs.store import RunStore


def recover(store: RunStore) -> list[RunRecord]:
    """Mark every run interrupted that says it goes on although nobody works on it.

    Whether somebody does is told by the owner lock alone, which the system frees when its
    process ends: never by a clock, so that a sleeping machine interrupts nothing.

    Returns:
        The runs that were marked.
    """
    marked = []
    for record in store.owned():
        if is_owned(RunFolder(record.folder)):
            continue
        last_sign = record.phase_at or record.resumed_at or time.time()
        try:
            store.set_status(
                record.id,
                RunStatus.INTERRUPTED,
                expected=record.status,
                owner=None,
                request=None,
                finished_at=last_sign,
                seconds=record.worked(last_sign),
            )
        except RunError:
            continue  # it ended, or was marked by another process, between the two looks
        store.add_event(record.id, "error", f"The app that worked on it ({record.owner}) ended.")
        marked.append(store.get(record.id))
    return marked

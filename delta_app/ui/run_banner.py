"""What a run says at the top of its page: that it broke off, or was made elsewhere."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from delta_app.runs.records import ATTENTION, RunRecord, RunStatus
from delta_app.services.importing import imported_from
from delta_app.services.resuming import resume_words
from delta_app.ui import measure_again
from delta_app.ui.messages import plain


def draw(record: RunRecord) -> None:
    """Where it came from, why it broke off and what to do; nothing for any other run."""
    origin = imported_from(record)
    if origin is not None:
        source, at = origin
        day = f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M}"
        st.caption(f":material/move_to_inbox: Imported on {day} from {plain(source)}")
    if record.status is RunStatus.INTERRUPTED:
        st.warning(_interruption(record), icon=":material/power_off:")
    elif record.status is RunStatus.FAILED:
        st.error(_failure(record), icon=":material/error:")
        if record.error and record.error.last_events:
            st.code(record.error.last_events, language=None, wrap_lines=True)


def _interruption(record: RunRecord) -> str:
    """Markdown of what happened and what Resume does."""
    words = plain(resume_words(record))
    resumed = f"Resumed, it {words[0].lower()}{words[1:]}"
    origin = imported_from(record)
    if origin is not None and (record.resumed_at or 0.0) < origin[1]:
        return f"**It had not ended where it comes from.** {resumed}"
    if record.started_at is None:
        return "**The app ended while this run waited.** Resume puts it back in front of the queue."
    return f"**The app ended while this run went on.** {resumed}"


def _failure(record: RunRecord) -> str:
    """Markdown of the reason, the cure, and what was kept."""
    error = record.error
    message = plain(error.message) if error else "No reason was kept."
    again = measure_again.LABEL if record.kind == ATTENTION else "Run again"
    cure = plain(error.cure) if error and error.cure else f"See the log below, then choose {again}."
    kept = f" Epoch {record.best_epoch} is kept: Inspect shows it." if record.best_epoch else ""
    return f"**{message}** {cure}{kept}"

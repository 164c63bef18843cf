"""What a run that broke off says at the top of its page, with the way to go on."""

from __future__ import annotations

import streamlit as st

from delta_app.runs.records import ATTENTION, RunRecord, RunStatus
from delta_app.services.resuming import can_resume, resume_words
from delta_app.ui import measure_again, run_actions
from delta_app.ui.messages import plain
from delta_app.ui.run_next import IN_FRONT

BROKE_OFF = (RunStatus.INTERRUPTED, RunStatus.FAILED)


def draw(record: RunRecord) -> None:
    """The reason, what to do, and one button that resumes; nothing for any other run."""
    if record.status not in BROKE_OFF:
        return
    failed = record.status is RunStatus.FAILED
    with st.container(horizontal=True, vertical_alignment="center", key="run_banner"):
        if failed:
            st.error(_failure(record), icon=":material/error:", width="stretch")
        else:
            words = f"**The app ended while this run went on.** {plain(resume_words(record))}"
            if record.started_at is None:
                words = "**The app ended while this run waited.** It has not begun."
            st.warning(words, icon=":material/power_off:", width="stretch")
        if can_resume(record):
            st.button(
                "Resume",
                key="run_banner_resume",
                icon=":material/play_arrow:",
                type="secondary" if failed else "primary",
                on_click=run_actions.resume,
                args=([record.id],),
                help=f"{resume_words(record)} {IN_FRONT}" if failed else IN_FRONT,
            )
    if record.error and record.error.last_events and failed:
        st.code(record.error.last_events, language=None, wrap_lines=True)


def _failure(record: RunRecord) -> str:
    """Markdown of the reason, the cure, and what was kept."""
    error = record.error
    message = plain(error.message) if error else "No reason was kept."
    again = measure_again.LABEL if record.kind == ATTENTION else "Run again"
    cure = plain(error.cure) if error and error.cure else f"See the log below, then choose {again}."
    kept = f" Epoch {record.best_epoch} is kept: Inspect shows it." if record.best_epoch else ""
    return f"**{message}** {cure}{kept}"

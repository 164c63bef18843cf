"""The run page: one run, live while it goes on, its result once it has ended."""

from __future__ import annotations

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.runs.records import RunRecord
from delta_app.services import runs
from delta_app.services.attention_end import awaits_its_end
from delta_app.ui import navigation, run_header, run_status, run_tabs
from delta_app.ui.messages import error_text, store_trouble_said
from delta_app.ui.picture_style import apply_picture_style
from delta_app.ui.refreshing import refreshing
from delta_app.ui.run_live import (
    AT_REST_SECONDS,
    PART_SECONDS,
    STATUS_SECONDS,
    apply_live_style,
    drawn,
)

_STYLE = """
<style>
.st-key-run_header input { font-weight: 650; font-size: 1.07rem; }
.st-key-run_header [data-testid="stTextInputRootElement"]:not(:hover):not(:focus-within) {
  border-color: transparent; background: transparent;
}
/* A button that takes another's place does not answer at once: a double click was for that one. */
@keyframes pause-comes { from { pointer-events: none; } }
@keyframes resume-comes { from { pointer-events: none; } }
@keyframes continue-comes { from { pointer-events: none; } }
.st-key-run_pause button { animation: pause-comes 0.6s step-end; }
.st-key-run_resume button { animation: resume-comes 0.6s step-end; }
.st-key-run_continue button { animation: continue-comes 0.6s step-end; }
.st-key-run_progress p { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
</style>
"""


def draw() -> None:
    """Draw the page of the run in the address."""
    st.html(_STYLE)
    apply_picture_style()
    apply_live_style()
    run_id = navigation.query("run")
    if run_id is None:
        _nothing_chosen("No run is chosen.")
        return
    try:
        record = runs.get_run(run_id)
    except DeltaAppError as error:
        _nothing_chosen(error_text(error))
        return
    shown = drawn(record)
    st.fragment(store_trouble_said(run_header.draw))(record.id, shown)
    every = AT_REST_SECONDS if record.status.ended else STATUS_SECONDS
    refreshing(run_status.draw, every)(record.id, shown)
    goes_on = not record.status.ended or _awaits_its_end(record)
    refreshing(run_tabs.draw, PART_SECONDS if goes_on else None)(record.id)


def _awaits_its_end(record: RunRecord) -> bool:
    """Whether a finished run's tabs still change: its fine-tuned network is being measured."""
    try:
        return awaits_its_end(record)
    except DeltaAppError:  # the tab says what is wrong with the file
        return False


def _nothing_chosen(words: str) -> None:
    st.info(words, icon=":material/info:")
    st.page_link(navigation.RUNS, label="All runs", icon=":material/list:")

"""The run page: one run, live while it goes on, its result once it has ended."""

from __future__ import annotations

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.runs.records import RunRecord
from delta_app.services import runs
from delta_app.services.attention_end import awaits_its_end
from delta_app.ui import navigation, run_header, run_status, run_tabs
from delta_app.ui.messages import error_text
from delta_app.ui.picture_style import apply_picture_style
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
    st.fragment(run_header.draw)(record.id, shown)
    every = AT_REST_SECONDS if record.status.ended else STATUS_SECONDS
    st.fragment(run_status.draw, run_every=every)(record.id, shown)
    goes_on = not record.status.ended or _awaits_its_end(record)
    st.fragment(run_tabs.draw, run_every=PART_SECONDS if goes_on else None)(record.id)


def _awaits_its_end(record: RunRecord) -> bool:
    """Whether a finished run's tabs still change: its fine-tuned network is being measured."""
    try:
        return awaits_its_end(record)
    except DeltaAppError:  # the tab says what is wrong with the file
        return False


def _nothing_chosen(words: str) -> None:
    st.info(words, icon=":material/info:")
    st.page_link(navigation.RUNS, label="All runs", icon=":material/list:")

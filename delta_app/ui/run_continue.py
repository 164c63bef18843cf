"""The dialog that gives a finished run more epochs."""

from __future__ import annotations

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.runs.records import RunRecord
from delta_app.services import resuming
from delta_app.ui.frame import named_runs_folder
from delta_app.ui.messages import error_box, plain
from delta_app.ui.run_next import IN_FRONT

MOST_EPOCHS = 10_000


@st.dialog("Continue training", width="medium")
def draw(run: RunRecord) -> None:
    """How many epochs more, what that does, and the command that does the same."""
    epochs = st.number_input(
        "More epochs",
        min_value=1,
        max_value=MOST_EPOCHS,
        value=resuming.usual_epochs(run),
        key=f"run_continue:{run.id}:epochs",
        width=180,
    )
    try:
        words = resuming.continue_words(run, epochs)
    except DeltaAppError as error:
        error_box(error)
        return
    st.markdown(plain(words))
    st.caption("The same from a terminal")
    command = resuming.resume_command(run, epochs, named_runs_folder())
    st.code(command, language=None, wrap_lines=True)
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        st.caption(IN_FRONT, width="stretch")
        if not st.button("Continue", type="primary", key="run_continue:go"):
            return
    try:
        resuming.continue_for(run.id, epochs)
    except DeltaAppError as error:
        error_box(error)
        return
    st.rerun()

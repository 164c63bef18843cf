"""A measurement to take along: the app's own file, and the authors' list of lists."""

from __future__ import annotations

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.runs.folder import RunFolder
from delta_app.services.attention_export import authors_json
from delta_app.services.measured_attention import Measurement
from delta_app.ui import navigation
from delta_app.ui.messages import error_text


def files(measurement: Measurement) -> None:
    """Both downloads, and the way to the run that measured it."""
    run = measurement.run
    st.download_button(
        "attention.json",
        RunFolder(run.folder).attention.read_bytes(),
        file_name=f"{run.id}-attention.json",
        mime="application/json",
        key="attention:json",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
        help="Everything that was measured. DELTA takes it as its attention from a file.",
    )
    try:
        authors = authors_json(run)
    except DeltaAppError as error:
        st.error(error_text(error))
        return
    st.download_button(
        "Authors' file",
        authors,
        file_name=f"{run.id}-authors.json",
        mime="application/json",
        key="attention:authors",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
        help="The importances alone, as the authors' code writes and reads them: a JSON list of "
        "lists, one a behaviour layer.",
    )
    navigation.run_link(run.id, "Settings and log", icon=":material/open_in_new:")

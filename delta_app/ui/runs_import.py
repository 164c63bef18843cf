"""The dialog that imports a run's folder."""

from __future__ import annotations

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.formatting import counted
from delta_app.services.importing import Imported, import_in_app
from delta_app.ui import navigation, notices
from delta_app.ui.messages import error_beside, field_errors


@st.dialog("Import a run")
def import_run() -> None:
    """Ask for the folder, and open the run once it is there."""
    imported = ask()
    if imported is None:
        return
    if imported.left_out:
        files = counted(len(imported.left_out), "file")
        notices.note(f"{files} of the folder left out: the run's log says which, and why.")
    navigation.open_run(imported.run.id)


def ask() -> Imported | None:
    """The form; the run that was imported, None until one is. What is wrong is said beside it."""
    with st.form("runs:import", border=False):
        folder = st.text_input(
            "Folder of the run",
            key="runs:import:folder",
            placeholder="/home/me/received/delta-k3f9a2",
            help="As it lies in another runs folder, with config.json in it.",
        )
        beside_folder = st.container()
        name = st.text_input(
            "Name", key="runs:import:name", max_chars=200, placeholder="As it is called there"
        )
        beside_name = st.container()
        st.caption(
            "It is copied and checked. Nothing in it is run, and its paths are not followed; "
            "pictures are shown only from folders that this app may read."
        )
        if not st.form_submit_button("Import", type="primary"):
            return None
    with st.spinner("Copying and checking"):
        try:
            return import_in_app(folder or "", (name or "").strip() or None)
        except DeltaAppError as error:
            with beside_name if error.field == "name" else beside_folder:
                error_beside(field_errors([error]), error.field or "")
            return None

"""Asking before a run is renamed or deleted."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.formatting import counted
from delta_app.runs.records import RunRecord
from delta_app.services import runs
from delta_app.ui.messages import error_box, variant_chip

MOST_NAMED = 8


@st.dialog("Rename the run")
def rename(record: RunRecord) -> None:
    """Ask for the new name."""
    with st.form("runs:rename", border=False):
        name = st.text_input("Name", value=record.name, max_chars=200)
        if not st.form_submit_button("Rename", type="primary"):
            return
    try:
        runs.rename(record.id, (name or "").strip())
    except DeltaAppError as error:
        error_box(error)
        return
    st.rerun()


@st.dialog("Delete for good?")
def delete(records: Sequence[RunRecord]) -> None:
    """Name what would be deleted, and delete it once that is confirmed."""
    chosen = counted(len(records), "run")
    st.markdown(f"{chosen} and everything in {'its' if len(records) == 1 else 'their'} folders:")
    named = [f"- {variant_chip(each.name, each.color)}" for each in records[:MOST_NAMED]]
    if len(records) > MOST_NAMED:
        named.append(f"- and {len(records) - MOST_NAMED} more")
    st.markdown("\n".join(named))
    st.caption("Weights, curves, answers and logs cannot be had back. Your pictures stay.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep", key="runs:keep"):
            st.rerun()
        if not st.button(f"Delete {chosen}", type="primary", key="runs:delete"):
            return
    failed = [error for record in records if (error := _delete(record)) is not None]
    if failed:
        error_box(failed[0])
        return
    st.rerun()


def _delete(record: RunRecord) -> DeltaAppError | None:
    try:
        runs.delete(record.id)
    except DeltaAppError as error:
        return error
    return None

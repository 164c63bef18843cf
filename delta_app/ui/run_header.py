"""The run page's first line: method, name, state, and what can be done now."""

from __future__ import annotations

from zlib import crc32

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.runs.records import ATTENTION, TRAINING, RunRecord
from delta_app.services import runs
from delta_app.ui import measure_again, navigation
from delta_app.ui.messages import error_text, variant_chip
from delta_app.ui.run_states import state_of

LONGEST_NAME = 200

_REFUSED = "run_name:refused"

_STOP = {
    TRAINING: "Ends the training after this step, keeps the best epoch and tests it.",
    ATTENTION: "Ends the measurement after this step, and keeps the batches that are measured.",
}


def draw(run_id: str) -> None:
    """The line, as the run stands now; a fragment of its own, so that a click redraws it alone."""
    record = runs.get_run(run_id)
    with st.container(key="run_header"):
        method, name, state, buttons = st.columns([1.2, 3.4, 1.4, 3.2], vertical_alignment="center")
        with method:
            st.markdown(f"**{variant_chip(record.method_label, record.color)}**")
        with name:
            _name(record)
        with state:
            shown = state_of(record)
            st.badge(shown.label, icon=shown.icon, color=shown.color)
        with (
            buttons,
            st.container(
                horizontal=True, horizontal_alignment="right", vertical_alignment="center"
            ),
        ):
            _buttons(record)


def _name(record: RunRecord) -> None:
    """The name, to be changed in place; another name, from wherever, is another widget."""
    turn = st.session_state.get(_REFUSED, 0)
    key = f"run_name:{record.id}:{turn}:{crc32(record.name.encode())}"
    st.text_input(
        "Name of the run",
        value=record.name,
        key=key,
        max_chars=LONGEST_NAME,
        label_visibility="collapsed",
        on_change=_rename,
        args=(record.id, key),
    )


def _rename(run_id: str, key: str) -> None:
    try:
        runs.rename(run_id, (st.session_state[key] or "").strip())
    except DeltaAppError as error:
        st.session_state[_REFUSED] = st.session_state.get(_REFUSED, 0) + 1
        st.toast(error_text(error), icon=":material/error:")


def _buttons(record: RunRecord) -> None:
    """Always the same buttons in the same places: none appears where another was aimed at."""
    st.button(
        "Stopping" if record.stopping else "Stop",
        key="run_stop",
        icon=":material/stop:",
        on_click=_stop,
        args=(record.id,),
        disabled=record.status.ended or record.stopping,
        help=_STOP[record.kind],
    )
    if record.kind == TRAINING:
        st.page_link(
            navigation.FINE_TUNE,
            label="Run again",
            icon=":material/replay:",
            help="Opens the form, filled in with this run's settings.",
            query_params={"from": record.id},
        )
        st.page_link(
            navigation.INSPECT,
            label="Inspect",
            icon=":material/search:",
            help="Looks inside, picture by picture.",
            query_params={"run": record.id},
        )
    else:
        measure_again.draw(record, key="run_again")


def _stop(run_id: str) -> None:
    """Record the request before anything is redrawn; a run that just ended says so."""
    try:
        runs.request_stop(run_id)
    except DeltaAppError as error:
        st.toast(error_text(error), icon=":material/info:")

"""The top of the run page: method, name, state, what can be done now, and what went wrong."""

from __future__ import annotations

from zlib import crc32

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.runs.records import ATTENTION, TRAINING, RunRecord, RunStatus
from delta_app.services import runs
from delta_app.ui import measure_again, navigation, run_actions, run_banner, run_continue
from delta_app.ui.messages import error_text, variant_chip
from delta_app.ui.run_live import Drawn, drawn
from delta_app.ui.run_next import HELD, IN_FRONT, next_step
from delta_app.ui.run_states import state_of

LONGEST_NAME = 200

_REFUSED = "run_name:refused"

WIDTHS = (1.2, 2.6, 1.3, 4.6)
"""Of method, name, state and buttons."""

BUTTON_WIDTH = 112
"""Px of a button whose label changes: what stands beside it stays where it is."""

# Streamlit keeps dialogs and styles in one list. A dialog that a fragment opens takes the place
# after the styles before it, and with it that of the next style: this one can be spared.
_PLACE_OF_DIALOG = "<style>/* the place of a dialog */</style>"

_STOP = {
    TRAINING: "Ends the training after this step, keeps the best epoch and tests it.",
    ATTENTION: "Ends the measurement after this step, and keeps the batches that are measured.",
}


def draw(run_id: str, shown: Drawn) -> None:
    """The top as the run stands now: a fragment of its own, which does not refresh by itself, so
    that nothing in it is replaced under the pointer and a dialog stays open.

    Args:
        shown: what the page around it shows; where a click changed that, the page is drawn again.
    """
    try:
        record = runs.get_run(run_id)
    except DeltaAppError as error:  # deleted in another tab, or a store that is busy
        st.warning(error_text(error))
        return
    if drawn(record) != shown:
        st.rerun()
    with st.container(key="run_header"):
        method, name, state, buttons = st.columns(WIDTHS, vertical_alignment="center")
        with method:
            st.markdown(f"**{variant_chip(record.method_label, record.color)}**")
        with name:
            _name(record)
        with state:
            now = state_of(record)
            st.badge(now.label, icon=now.icon, color=now.color)
        with (
            buttons,
            st.container(
                horizontal=True, horizontal_alignment="right", vertical_alignment="center"
            ),
        ):
            asks = _buttons(record)
    run_banner.draw(record)
    if asks:
        run_continue.draw(record)
    else:
        st.html(_PLACE_OF_DIALOG)


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


def _buttons(record: RunRecord) -> bool:
    """Always the same buttons in the same places: none appears where another was aimed at.

    Returns:
        Whether the dialog that continues the run was asked for.
    """
    asks = _next(record)
    st.button(
        "Stopping" if record.stopping else "Stop",
        key="run_stop",
        icon=":material/stop:",
        width=BUTTON_WIDTH,
        on_click=run_actions.stop,
        args=([record.id],),
        disabled=record.stopping or (record.status.ended and record.status not in HELD),
        help=_stop_words(record),
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
    return asks


def _stop_words(record: RunRecord) -> str:
    """What Stop does."""
    if record.status not in HELD:
        return _STOP[record.kind]
    if record.best_epoch is None:
        return "Ends it; it keeps what it has."
    return f"Ends it: its best epoch is tested. {IN_FRONT}"


def _next(record: RunRecord) -> bool:
    """Pause, Resume or Continue, whichever it is; each is a button of its own, so that a click on
    one is never taken for a click on the next. Whether Continue was clicked."""
    step = next_step(record)
    clicked = st.button(
        step.label,
        key=f"run_{step.action}",
        icon=step.icon,
        type="primary" if record.status is RunStatus.INTERRUPTED else "secondary",
        width=BUTTON_WIDTH,
        on_click=_ON_CLICK.get(step.action),
        args=([record.id],) if step.action in _ON_CLICK else None,
        disabled=not step.enabled,
        help=step.help,
    )
    return clicked and step.action == "continue"


_ON_CLICK = {"pause": run_actions.pause, "resume": run_actions.resume}

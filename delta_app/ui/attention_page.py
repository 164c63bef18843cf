"""The Attention page: choices in a narrow column, the measurement beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.runs.records import RunRecord
from delta_app.services import demo, measured_attention, runs
from delta_app.ui import (
    attention_charts,
    attention_choices,
    attention_live,
    attention_new,
    navigation,
)
from delta_app.ui.attention_files import files
from delta_app.ui.messages import error_box, error_text, plain
from delta_app.ui.run_live import STATUS_SECONDS, apply_live_style, live

WIDTHS = (1, 3.6)
CHOICE_WIDTH = 230

_LAST = "attention:last"


_STYLE = """
<style>
/* Of one height while it measures and after, so that nothing beneath it moves at the end. */
.st-key-attention_status { min-height: 2.75rem; justify-content: center; }
</style>
"""


def draw() -> None:
    """Draw the page of the measurement in the address, or of the newest one."""
    st.html(_STYLE)
    apply_live_style()
    try:
        records = measured_attention.measurements()
    except DeltaAppError as error:
        error_box(error)
        return
    wants_new = navigation.query("new") is not None
    if not records and not wants_new:
        _nothing_yet()
        return
    if wants_new:
        attention_choices.choose_run(records, None, width=CHOICE_WIDTH)
        attention_new.draw()
        return
    current = _current(records)
    left, right = st.columns(WIDTHS, gap="medium")
    with left:
        attention_choices.choose_run(records, current)
    try:
        found = measured_attention.measurement(current)
    except DeltaAppError as error:
        right.error(error_text(error))
        return
    if found is not None:
        with left:
            choices = attention_choices.choose_view(found)
            files(found)
        with right:
            attention_charts.headline(choices.view)
            _status(current, lambda: attention_charts.measured(found, choices.view))
            attention_charts.draw(found, choices)
    elif current.status.ended:
        with right:
            attention_live.came_to_nothing(current)
    else:
        with right:
            st.markdown(f"**{plain(current.name)}**")
            _status(current, lambda: None)
            attention_live.place_of_bars()


def _status(record: RunRecord, after: Callable[[], None]) -> None:
    """How far a measurement is while it goes on; then what `after` draws in the same place."""
    with st.container(key="attention_status"):
        if record.kind == runs.ATTENTION and not record.status.ended:
            shown = attention_live.state(record)
            live(record, attention_live.draw, record.id, shown, every=STATUS_SECONDS)
        else:
            after()


def _current(records: Sequence[RunRecord]) -> RunRecord:
    """The run of the address, else the one looked at last, else the newest."""
    by_id = {record.id: record for record in records}
    asked = navigation.query("run")
    if asked is not None and asked not in by_id:
        st.warning(
            f"The run {plain(asked)} has measured no attention, or is not there any more. Another "
            "one is shown.",
            icon=":material/info:",
        )
    wanted = (asked, st.session_state.get(_LAST))
    current = next((by_id[each] for each in wanted if each in by_id), records[0])
    st.session_state[_LAST] = current.id
    navigation.show_in_address({"run": current.id})
    return current


def _nothing_yet() -> None:
    with st.container(border=True, key="attention_empty"):
        st.markdown("#### Which filters matter?")
        st.markdown(
            "A measurement disables the filters of a pretrained network one after the other and "
            "keeps how much the loss on your training pictures rises. DELTA holds the filters "
            "that matter most; this page shows which they are, and how far to believe it."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Measure on the demo", type="primary", key="attention:demo"):
                _measure_on_the_demo()
            st.page_link(
                navigation.ATTENTION,
                label="New measurement",
                icon=":material/add:",
                query_params={"new": navigation.NEW},
            )


def _measure_on_the_demo() -> None:
    try:
        run_id = runs.submit_attention(demo.demo_config("delta", faithfulness=True))
    except DeltaAppError as error:
        error_box(error)
        return
    navigation.open_attention(run_id)

"""The Inspect page: a run and a picture on top, then the answer, the overlays and the filters."""

from __future__ import annotations

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.runs.records import RunRecord
from delta_app.services import inspection
from delta_app.services.inspection import Inspector
from delta_app.services.weighting import UNIFORM
from delta_app.ui import inspect_choices, inspect_maps, navigation
from delta_app.ui.messages import error_box, plain
from delta_app.ui.picture_style import apply_picture_style
from delta_app.ui.run_choice import choose, choose_layer
from delta_app.ui.run_live import live
from delta_app.ui.run_states import state_of

REFRESH_SECONDS = 5.0
"""Between looks at a run that goes on: it writes its weights every ten seconds at most."""

_RUN, _LAST = "inspect:run", "inspect:last"


def draw() -> None:
    """Draw the page of the run in the address, or of the newest one."""
    apply_picture_style()
    try:
        records = inspection.inspectable()
    except DeltaAppError as error:
        error_box(error)
        return
    if not records:
        _nothing_yet()
        return
    _warn_of_a_run_that_is_gone(records)
    with st.container(horizontal=True, vertical_alignment="center", key="inspect_choices"):
        record = _choose_run(records)
        try:
            inspector = Inspector(record.id)
            source = inspect_choices.choose_source(record)
        except DeltaAppError as error:
            error_box(error)
            return
    picture = inspect_choices.choose_picture(record, source)
    if picture is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="inspect_view"):
        layer = choose_layer(record.id, inspector.layers)
        weighting = _choose_weighting(inspector)
        opacity = st.slider(
            "Opacity of the maps",
            0,
            100,
            60,
            5,
            format="%d %% map",
            key="inspect:opacity",
            label_visibility="collapsed",
            width=170,
        )
    live(
        record,
        inspect_maps.draw,
        record.id,
        picture,
        layer,
        weighting,
        opacity / 100,
        every=REFRESH_SECONDS,
    )


def _choose_run(records: list[RunRecord]) -> RunRecord:
    """The run of the address where that is new, else the one chosen last, else the newest."""
    by_id = {record.id: record for record in records}
    last = st.session_state.get(_LAST)
    wanted = navigation.query("run") or last
    if st.session_state.get(_RUN) not in by_id or wanted != last:
        st.session_state[_RUN] = wanted if wanted in by_id else records[0].id
    chosen = st.selectbox(
        "Run",
        tuple(by_id),
        key=_RUN,
        format_func=lambda run_id: _run_words(by_id[run_id]),
        label_visibility="collapsed",
        width=230,
    )
    st.session_state[_LAST] = chosen
    navigation.show_in_address({"run": chosen})
    return by_id[chosen]


def _warn_of_a_run_that_is_gone(records: list[RunRecord]) -> None:
    wanted = navigation.query("run")
    if wanted is not None and wanted not in {record.id for record in records}:
        st.warning(
            f"The run {plain(wanted)} has no weights to look at, or is not there any more. "
            "Another one is shown.",
            icon=":material/info:",
        )


def _run_words(record: RunRecord) -> str:
    """The run's name; its state where it has not finished."""
    return record.name if record.status.ended else f"{record.name} ({state_of(record).label})"


def _choose_weighting(inspector: Inspector) -> str:
    """Which W: the run's own where it has one, or the uniform one."""
    own = inspector.weighting
    if own.key == UNIFORM:
        return UNIFORM
    words = {own.key: f"W: {own.name.split(' of ')[0]}", UNIFORM: "W: uniform"}
    return choose(
        inspector.run.id,
        "weights",
        (own.key, UNIFORM),
        label="Weights of the channels",
        words=words.__getitem__,
    )


def _nothing_yet() -> None:
    st.info(
        "There is nothing to look into yet: a run has weights once its first epoch has ended.",
        icon=":material/search:",
    )
    with st.container(horizontal=True):
        st.page_link(navigation.START, label="Try the demo", icon=":material/home:")
        st.page_link(
            navigation.FINE_TUNE, label="New fine-tuning", icon=":material/model_training:"
        )

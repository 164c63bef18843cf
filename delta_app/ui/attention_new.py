"""A new measurement: pictures, backbone, how it is measured, and the bar that starts it."""

from __future__ import annotations

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.models.catalog import backbone
from delta_app.runs.records import ATTENTION
from delta_app.services import attention_again, datasets, runs
from delta_app.services.forms import command_line
from delta_app.ui import attention_how, navigation
from delta_app.ui.fine_tune.backbone_step import backbone_step
from delta_app.ui.fine_tune.draft import Draft, draft_of
from delta_app.ui.fine_tune.panel import pictures_read, summary
from delta_app.ui.fine_tune.pictures import check_again
from delta_app.ui.fine_tune.pictures_step import pictures_step
from delta_app.ui.frame import named_runs_folder
from delta_app.ui.messages import error_box, plain
from delta_app.ui.session import FormState
from delta_app.ui.watching import watch

_FILLED = "attention:filled"


def draw() -> None:
    """The form; everything in it is checked before Measure can be pressed."""
    state = FormState("attention")
    _fill_from_address(state)
    attention_how.settle(state)
    draft = draft_of(state, measuring=True)
    _keep_in_address(draft)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        with st.container(border=True, gap="small", key="measure_pictures"):
            st.markdown("**1 Pictures**")
            pictures_step(state, draft)
            _found(draft)
        with st.container(border=True, gap="small", key="measure_backbone"):
            st.markdown("**2 Backbone**")
            backbone_step(state, draft.errors, draft.weights)
    with right:
        with st.container(border=True, gap="small", key="measure_how"):
            st.markdown("**3 Measurement**")
            attention_how.draw(state, draft)
        if draft.config is not None and draft.pictures.usable:
            st.caption("The same from the command line")
            command = command_line(draft.config, kind=ATTENTION, runs_dir=named_runs_folder())
            st.code(command, language="bash", wrap_lines=True)
    with st.bottom:
        _bar(draft)


def _fill_from_address(state: FormState) -> None:
    """Fill the form in where the address names a run or a folder, once for each address."""
    run_id, data = navigation.query("from"), navigation.query("data")
    if (run_id, data) == (None, None) or st.session_state.get(_FILLED) == (run_id, data):
        return
    st.session_state[_FILLED] = (run_id, data)
    if run_id is not None:
        try:
            attention_how.fill(state, attention_again.settings_for_a_form(runs.get_run(run_id)))
        except DeltaAppError as error:
            error_box(error)
            return
    if data is not None and data != state.current("data"):
        state.set("data", data)


def _keep_in_address(draft: Draft) -> None:
    """Put the folder into the address; what it says by then stands in the form already."""
    if draft.pictures.usable and navigation.query("data") != draft.values["data"]:
        navigation.show_in_address({"data": draft.values["data"]})
        st.session_state[_FILLED] = (navigation.query("from"), draft.values["data"])


def _found(draft: Draft) -> None:
    """What is in the folder, or how far its check is."""
    pictures = draft.pictures
    if pictures.usable and pictures.check is not None:
        st.caption(f":material/check: {plain(summary(pictures.check, draft.splits))}")
    elif pictures.task is not None and pictures.task.cancelled:
        st.caption("The check was cancelled.")
        st.button("Check the pictures", on_click=check_again)
    elif pictures.task is not None:
        watch(pictures.task, "pictures", pictures_read)


def _bar(draft: Draft) -> None:
    missing = draft.missing()
    words, button = st.columns([3, 2], vertical_alignment="center", gap="medium")
    with words:
        if missing or draft.config is None or draft.splits is None:
            st.caption("Trains nothing but a head: the backbone stays as it is.")
        else:
            entry = backbone(draft.config.model.backbone)
            of = attention_how.pictures_words(draft.config.attention, len(draft.splits.train))
            said = f"Filters of {plain(entry.label)} on {of}"
            if draft.estimate is not None:
                open_ended = draft.config.attention.attention_reliability is not None
                said += f" · {'at most ' if open_ended else ''}{plain(draft.estimate.words())}"
            st.markdown(said)
    start = button.button(
        missing or "Measure",
        key="measure",
        type="primary",
        disabled=bool(missing),
        width="stretch",
    )
    if start and draft.config is not None:
        _start(draft)


def _start(draft: Draft) -> None:
    if draft.config is None:
        return
    try:
        run_id = runs.submit_attention(draft.config)
    except DeltaAppError as error:
        error_box(error)
        return
    datasets.remember_folder(draft.config.data.data)
    navigation.open_attention(run_id)

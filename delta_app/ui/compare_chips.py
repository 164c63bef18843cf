"""The runs that are compared, as coloured chips to take out, and how others come in."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from delta_app.formatting import percent
from delta_app.runs.records import RunRecord
from delta_app.services.comparison import FEWEST_RUNS, MOST_RUNS, Comparison
from delta_app.ui import navigation
from delta_app.ui.messages import plain, variant_chip

_ADD = "compare:add"


def choices_of(found: Comparison) -> str:
    """Whose choices (view, layer, picture) the page keeps: those of exactly these runs."""
    return "compare:" + ",".join(each.run.id for each in found.runs)


def draw(found: Comparison, offered: Sequence[RunRecord]) -> None:
    """A chip a run; a click takes it out. At the end, a list to add others from."""
    ids = [each.run.id for each in found.runs]
    others = [run for run in offered if run.id not in ids]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="chips"):
        for each in found.runs:
            st.button(
                f"{variant_chip(each.run.name, each.run.color)}",
                key=f"compare:out:{each.run.id}",
                icon=":material/close:",
                icon_position="right",
                help=f"{plain(each.run.method_label)}: take it out of the comparison",
                on_click=_show,
                args=([other for other in ids if other != each.run.id],),
            )
        if FEWEST_RUNS <= len(ids) < MOST_RUNS and others:
            with st.popover("Add", icon=":material/add:"):
                _adder(ids, others)


def draw_empty(found: Comparison, offered: Sequence[RunRecord]) -> None:
    """Fewer than two runs: what to do next."""
    ids = [each.run.id for each in found.runs]
    others = [run for run in offered if run.id not in ids]
    if len(others) + len(ids) < FEWEST_RUNS:
        st.info(
            "A comparison needs two runs that have begun. Start offers L2, L2-SP and DELTA on "
            "the same pictures in one click.",
            icon=":material/compare:",
        )
        with st.container(horizontal=True):
            st.page_link(navigation.START, label="Start", icon=":material/home:")
            st.page_link(
                navigation.FINE_TUNE, label="New fine-tuning", icon=":material/model_training:"
            )
        return
    words = "Choose another run" if ids else "Choose two to eight runs"
    st.info(f"{words} to see them side by side.", icon=":material/compare:")
    _adder(ids, others)


def clear_button() -> None:
    """The way out of a choice that cannot be shown."""
    st.button("Choose other runs", icon=":material/restart_alt:", on_click=_show, args=([],))


def _adder(ids: list[str], others: Sequence[RunRecord]) -> None:
    by_id = {run.id: run for run in others}
    st.multiselect(
        "Runs",
        tuple(by_id),
        key=_ADD,
        format_func=lambda run_id: _words(by_id[run_id]),
        max_selections=MOST_RUNS - len(ids),
        placeholder="Search runs by name, method or data",
        label_visibility="collapsed",
    )
    st.button(
        "Compare",
        key="compare:go",
        type="primary",
        on_click=_take_chosen,
        args=(ids,),
        disabled=len(st.session_state.get(_ADD) or ()) + len(ids) < FEWEST_RUNS,
    )


def _words(run: RunRecord) -> str:
    accuracy = run.test_top1 if run.test_top1 is not None else run.val_top1
    reached = "" if accuracy is None else f" · {percent(accuracy)}"
    return f"{run.name} · {run.backbone}{reached}"


def _take_chosen(ids: list[str]) -> None:
    _show([*ids, *st.session_state.pop(_ADD, [])])


def _show(ids: list[str]) -> None:
    navigation.show_in_address({"runs": ",".join(ids)})

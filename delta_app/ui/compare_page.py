"""The Compare page: chips on top, beneath them one view at a time, the results first."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.services import comparison
from delta_app.services.comparison import FEWEST_RUNS, Comparison
from delta_app.ui import (
    compare_attention,
    compare_chips,
    compare_disagreements,
    compare_errors,
    compare_maps,
    compare_results,
    compare_tables,
    navigation,
)
from delta_app.ui.messages import error_box, plain
from delta_app.ui.picture_style import apply_picture_style
from delta_app.ui.run_choice import keep, seeded

_VIEWS: dict[str, Callable[[Comparison, str], None]] = {
    "Results": compare_results.draw,
    "Settings": compare_tables.draw_settings,
    "Errors": compare_errors.draw,
    "Attention": compare_attention.draw,
    "Feature maps": compare_maps.draw,
    "Disagreements": compare_disagreements.draw,
}


def draw() -> None:
    """Draw the page of the runs in the address."""
    apply_picture_style()
    ids = navigation.query_list("runs")
    try:
        offered = comparison.comparable()
        found = comparison.compare(ids)
    except DeltaAppError as error:
        error_box(error)
        compare_chips.clear_button()
        return
    compare_chips.draw(found, offered)
    if found.missing:
        st.warning(
            f"Not there any more: {plain(', '.join(found.missing))}.", icon=":material/info:"
        )
    if len(found.runs) < FEWEST_RUNS:
        compare_chips.draw_empty(found, offered)
        return
    for note in found.notes:
        st.warning(note, icon=":material/balance:")
    _views(found)


def _views(found: Comparison) -> None:
    """One view at a time; only the open one is computed."""
    choices = compare_chips.choices_of(found)
    names = tuple(_VIEWS)
    key = seeded(choices, "view", names, names[0])
    tabs = st.tabs(names, key=key, on_change="rerun")
    keep("view", st.session_state[key], names[0])
    for name, tab in zip(names, tabs, strict=True):
        if tab.open:
            with tab:
                try:
                    _VIEWS[name](found, choices)
                except DeltaAppError as error:
                    error_box(error)

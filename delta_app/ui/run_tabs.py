"""The run page's tabs; only the one that is open is computed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.runs.records import ATTENTION, RunRecord, RunStatus
from delta_app.services import runs
from delta_app.ui import (
    run_attention,
    run_curves,
    run_errors,
    run_log,
    run_maps,
    run_tab_choices,
)
from delta_app.ui.messages import error_text
from delta_app.ui.run_choice import choose_tab
from delta_app.ui.run_tab_choices import BARS, CURVES, MAPS, TabChoices

ERRORS, SETTINGS = "Errors", "Settings and log"

_DRAW: dict[str, Callable[[RunRecord, TabChoices], None]] = {
    CURVES: run_curves.draw,
    BARS: run_attention.draw,
    MAPS: run_maps.draw,
    ERRORS: lambda record, _: run_errors.draw(record),
    SETTINGS: lambda record, _: run_log.draw(record),
}


def draw(run_id: str) -> None:
    """The tabs as the run stands now: a fragment that refreshes while the run goes on.

    There is no fragment within it: Streamlit clears what a nested one has drawn only when that
    one runs again, so that charts of closed tabs would stay behind.
    """
    try:
        record = runs.get_run(run_id)
    except DeltaAppError as error:  # deleted in another tab, or a store that is busy
        st.warning(error_text(error))
        return
    open_tab = choose_tab(record.id, tabs_of(record), opening_tab(record))
    choices = run_tab_choices.draw(record, open_tab)
    # A container of its own for each: what one tab has drawn is never taken for another's.
    with st.container(key=f"run_tab_{open_tab.split()[0].lower()}"):
        _DRAW[open_tab](record, choices)


def tabs_of(record: RunRecord) -> tuple[str, ...]:
    """A measurement of attention has no curves and no errors."""
    return (BARS, SETTINGS) if record.kind == ATTENTION else tuple(_DRAW)


def opening_tab(record: RunRecord) -> str:
    """Where the page opens: on the result of a run that has one, on what went wrong, else live."""
    if record.status in (RunStatus.FAILED, RunStatus.INTERRUPTED) and not record.step:
        return SETTINGS
    if record.kind == ATTENTION:
        return BARS
    if record.status is RunStatus.COMPLETED:
        return ERRORS
    return ERRORS if record.test_evaluations and record.status.ended else CURVES

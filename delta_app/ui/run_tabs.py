"""The run page's tabs; only the one that is open is computed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from delta_app.runs.records import ATTENTION, RunRecord, RunStatus
from delta_app.services import runs
from delta_app.ui import run_attention, run_curves, run_errors, run_log, run_maps
from delta_app.ui.run_choice import keep, seeded

CURVES, BARS, MAPS = "Curves", "Attention", "Feature maps"
ERRORS, SETTINGS = "Errors", "Settings and log"

_DRAW: dict[str, Callable[[RunRecord], None]] = {
    CURVES: run_curves.draw,
    BARS: run_attention.draw,
    MAPS: run_maps.draw,
    ERRORS: run_errors.draw,
    SETTINGS: run_log.draw,
}


def draw(run_id: str) -> None:
    """The tabs as the run stands now; a fragment of its own, which a click redraws alone."""
    record = runs.get_run(run_id)
    names = tabs_of(record)
    default = opening_tab(record)
    key = seeded(run_id, "tab", names, default)
    tabs = st.tabs(names, key=key, on_change="rerun")
    keep("tab", st.session_state[key], default)
    for name, tab in zip(names, tabs, strict=True):
        if tab.open:
            with tab:
                _DRAW[name](record)


def tabs_of(record: RunRecord) -> tuple[str, ...]:
    """A measurement of attention has no curves and no errors."""
    return (BARS, SETTINGS) if record.kind == ATTENTION else tuple(_DRAW)


def opening_tab(record: RunRecord) -> str:
    """Where the page opens: on the result of a run that has one, on what went wrong, else live."""
    if record.status in (RunStatus.FAILED, RunStatus.INTERRUPTED) and not record.step:
        return SETTINGS
    if record.kind == ATTENTION:
        return BARS
    return ERRORS if record.test_evaluations or record.status is RunStatus.COMPLETED else CURVES

"""The Runs page's table: live, rows to select, names that open their run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from delta_app.errors import DeltaAppError
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.services import runs
from delta_app.ui.messages import error_box
from delta_app.ui.runs_filter import current_filter
from delta_app.ui.runs_rows import NAME, columns, table

BAR, TABLE = "runs_bar", "runs_rows"
"""Keys of the page's two fragments; what is done in one draws both again."""

NAME_WIDTH, LEAST_HEIGHT = 156, 300

_TABLE, _OPENED = "runs_table", "runs_opened"
_DRAWN, _KNOWN = "runs:drawn", "runs:known"
_SELECTED, _OPEN = "runs:selected", "runs:open"


def selected(records: Sequence[RunRecord]) -> tuple[RunRecord, ...]:
    """The selected runs among these, in their order."""
    ids = st.session_state.get(_SELECTED, ())
    return tuple(record for record in records if record.id in ids)


def asked_to_open() -> str | None:
    """The run whose name was clicked just now; told once."""
    return st.session_state.pop(_OPEN, None)


def draw_again() -> None:
    """At the end of a widget's callback: draw the bar and the table, and nothing else."""
    try:
        st.rerun([BAR, TABLE])
    except StreamlitAPIException:  # clicked before the table was there
        st.rerun()


def draw() -> None:
    """The table as the runs stand now.

    Where a run came, went or changed its state, the whole page is drawn again: what can be done
    is then another.
    """
    try:
        records = runs.list_runs()
    except DeltaAppError as error:
        error_box(error)
        return
    if states(records) != st.session_state.get(_KNOWN):
        st.rerun()
    chosen = current_filter()
    shown = [record for record in records if chosen.takes(record)]
    _keep_selection([record.id for record in shown])
    config: dict[str, Any] = columns()
    config[NAME] = st.column_config.ButtonColumn(
        NAME,
        type="tertiary",
        alignment="left",
        width=NAME_WIDTH,
        pinned=True,
        on_click=_open,
        key=_OPENED,
    )
    with st.container(key="runs_table_box", height=LEAST_HEIGHT, border=False):
        st.dataframe(
            table(shown),
            key=_TABLE,
            height="stretch",
            hide_index=True,
            column_config=config,
            selection_mode="multi-row",
            on_select=_select,
            placeholder="",
            alt="Runs",
        )


def changes_by_itself(records: Sequence[RunRecord]) -> bool:
    """Whether some row shows how far a run is: only then the table is sent again and again."""
    return any(record.status is RunStatus.RUNNING for record in records)


def watch() -> None:
    """Draw the page again where a run came, began, went or is called otherwise.

    Draws nothing itself: a table of thousands of runs is a large message.
    """
    try:
        records = runs.list_runs()
    except DeltaAppError:  # said by the bar, at the next click
        return
    if changes_by_itself(records) or states(records) != st.session_state.get(_KNOWN):
        st.rerun()


def know(records: Sequence[RunRecord]) -> None:
    """Tell the table what the bar was drawn for."""
    st.session_state[_KNOWN] = states(records)


def states(records: Sequence[RunRecord]) -> frozenset[tuple[str, ...]]:
    """Id, name and state of each run, with what was asked of it, its place in the queue and what
    it waits for."""
    return frozenset(_state(record) for record in records)


def _state(record: RunRecord) -> tuple[str, ...]:
    waits = record.phase_detail if record.status is RunStatus.QUEUED else ""
    line = str(record.queue_position)
    return record.id, record.name, record.status, str(record.request), line, waits


def _keep_selection(ids: list[str]) -> None:
    """Select by run, not by row: rows move when a run comes or a filter changes."""
    if st.session_state.get(_DRAWN) == ids:
        return
    st.session_state[_DRAWN] = ids
    wanted = st.session_state.get(_SELECTED, ())
    if not wanted:
        return
    rows = [place for place, run_id in enumerate(ids) if run_id in wanted]
    st.session_state[_SELECTED] = tuple(ids[row] for row in rows)
    st.session_state[_TABLE] = {"selection": {"rows": rows, "columns": [], "cells": []}}


def _select() -> None:
    ids = st.session_state.get(_DRAWN, [])
    rows = st.session_state[_TABLE]["selection"]["rows"]
    st.session_state[_SELECTED] = tuple(ids[row] for row in rows if row < len(ids))
    draw_again()


def _open() -> None:
    ids, click = st.session_state.get(_DRAWN, []), st.session_state[_OPENED]
    if click is not None and click["row"] < len(ids):
        st.session_state[_OPEN] = ids[click["row"]]
    draw_again()

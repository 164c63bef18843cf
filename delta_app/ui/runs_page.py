"""The Runs page: filters, what can be done with the selected runs, the queue, and the table."""

from __future__ import annotations

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.services import runs
from delta_app.ui import navigation, notices, runs_actions, runs_import, runs_queue, runs_table
from delta_app.ui.messages import error_box, store_trouble_said
from delta_app.ui.refreshing import refreshing
from delta_app.ui.run_live import apply_live_style
from delta_app.ui.runs_filter import choose_filter

REFRESH_SECONDS = 2.0

ABOVE_REM = 13.0
"""What stands above the table, apart from the queue."""


def draw() -> None:
    """Draw the page: a bar and a queue that stay as they are, over a table that refreshes."""
    apply_live_style()
    try:
        records = runs.list_runs()
    except DeltaAppError as error:
        error_box(error)
        return
    if not records:
        _empty()
        return
    # Before the bar, whose dialogs would take the place of a style after it.
    st.html(runs_queue.STYLE)
    st.html(_table_height(runs_queue.height_rem(len(runs.queue(records)))))
    st.fragment(store_trouble_said(_bar), key=runs_table.BAR)()
    # Drawn with the page, which is drawn again whenever the queue changes.
    runs_queue.draw(records)
    live = runs_table.changes_by_itself(records)
    refreshing(runs_table.draw, REFRESH_SECONDS if live else None, key=runs_table.TABLE)()
    if not live:
        refreshing(runs_table.watch, REFRESH_SECONDS)()


def _table_height(queue_rem: float) -> str:
    """The table ends where the window does."""
    return f"""<style>div:has(> .st-key-runs_table_box), .st-key-runs_table_box {{
      height: calc(100vh - {ABOVE_REM + queue_rem}rem) !important; flex: none !important;
    }}</style>"""


def _bar() -> None:
    """Filters and actions. They do not refresh by themselves: a dialog opened here stays."""
    if runs_actions.done_something():
        st.rerun()  # the queue stands apart from the bar
    opened = runs_table.asked_to_open()
    if opened:
        navigation.open_run(opened)
    try:
        records = runs.list_runs()
    except DeltaAppError as error:
        error_box(error)
        return
    runs_table.know(records)
    chosen = choose_filter(records, runs_table.draw_again)
    shown = [record for record in records if chosen.takes(record)]
    runs_actions.draw(runs_table.selected(shown), len(shown))
    notices.tell()


def _empty() -> None:
    with st.container(border=True):
        st.markdown("#### No runs yet")
        st.markdown(
            "A run is one fine-tuning: its settings, curves, weights and answers. Every run "
            "that is started here or from the command line stands in this table."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("New fine-tuning", type="primary", key="runs:new"):
                navigation.open_fine_tune()
            st.page_link(navigation.START, label="Try the demo", icon=":material/play_circle:")
            if st.button("Import a run", key="runs:import:first", icon=":material/move_to_inbox:"):
                runs_import.import_run()
    refreshing(_first_run, REFRESH_SECONDS)()


def _first_run() -> None:
    """A run that is started from a terminal ends the emptiness."""
    if runs.list_runs():
        st.rerun()

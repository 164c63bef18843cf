"""The queue over the table of runs: who is next, and what changes that."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from delta_app.formatting import counted
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.services import runs
from delta_app.ui import navigation, run_actions
from delta_app.ui.messages import plain, variant_chip

MOST_ROWS = 4
"""Rows that are seen at once; the rest is reached by scrolling."""

ROW_REM, HEAD_REM = 1.9, 2.6
"""Height of a row, and of what stands around the rows."""

STYLE = f"""
<style>
.st-key-runs_queue {{ padding: 0.35rem 0.8rem; }}
.st-key-runs_queue [data-testid="stCaptionContainer"] p,
.st-key-runs_queue a p {{ overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }}
.st-key-runs_queue_rows {{ max-height: {MOST_ROWS * ROW_REM}rem; overflow-y: auto; flex: none; }}
.st-key-runs_queue_rows button, .st-key-runs_queue_rows a {{ min-height: 0; padding: 0 0.3rem; }}
[class*="st-key-runs_queue_row_"] {{ height: {ROW_REM}rem; flex: none; }}
</style>
"""

WIDTHS = (3, 4, 1.7)
"""Of place and name, what it waits for, and the buttons."""


def height_rem(waiting: int) -> float:
    """How much of the page's height the queue takes."""
    return HEAD_REM + ROW_REM * min(waiting, MOST_ROWS) if waiting else 0.0


def draw(records: Sequence[RunRecord]) -> None:
    """A line a run that waits, the next one first; nothing where none does."""
    line = runs.queue(records)
    if not line:
        return
    running = [record for record in records if record.status is RunStatus.RUNNING]
    with st.container(border=True, key="runs_queue", gap="xsmall"):
        st.caption(f"**Queue** · {counted(len(line), 'run')}, in this order")
        with st.container(gap=None, key="runs_queue_rows"):
            for place, record in enumerate(line, 1):
                with st.container(key=f"runs_queue_row_{place}"):
                    _row(place, record, len(line), waits_for(place, record, running))


def waits_for(place: int, record: RunRecord, running: Sequence[RunRecord]) -> str:
    """What keeps a queued run from beginning, in a few words."""
    if record.phase_detail:
        return record.phase_detail
    if place > 1:
        return "waits for those before it"
    on = next((each for each in running if _same_device(each, record)), None)
    return "begins next" if on is None else f"waits for {on.name} to end"


def _same_device(running: RunRecord, waiting: RunRecord) -> bool:
    devices = {running.wanted_device, waiting.wanted_device}
    return len(devices) == 1 or "auto" in devices


def _row(place: int, record: RunRecord, number: int, waits: str) -> None:
    name, words, buttons = st.columns(WIDTHS, vertical_alignment="center")
    with name, st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.caption(f"{place}", width=18)
        navigation.run_link(record.id, variant_chip(record.name, record.color))
    what = "stops" if record.stopping else "goes on" if record.started_at else "new"
    words.caption(f"{plain(record.method_label)} · {what} · {plain(waits)}")
    with (
        buttons,
        st.container(
            horizontal=True,
            horizontal_alignment="right",
            vertical_alignment="center",
            gap="xsmall",
            wrap=False,
        ),
    ):
        _move("first", "vertical_align_top", "To the front", record, 1, place > 1)
        _move("up", "arrow_upward", "One up", record, place - 1, place > 1)
        _move("down", "arrow_downward", "One down", record, place + 1, place < number)
        st.button(
            "",
            key=f"runs:queue:cancel:{record.id}",
            icon=":material/close:",
            type="tertiary",
            help="It is being stopped." if record.stopping else "Out of the queue",
            disabled=record.stopping,
            on_click=run_actions.take_out,
            args=(record.id,),
        )


def _move(name: str, icon: str, words: str, record: RunRecord, to: int, enabled: bool) -> None:
    st.button(
        "",
        key=f"runs:queue:{name}:{record.id}",
        icon=f":material/{icon}:",
        type="tertiary",
        help=words,
        disabled=not enabled,
        on_click=run_actions.move,
        args=(record.id, to),
    )

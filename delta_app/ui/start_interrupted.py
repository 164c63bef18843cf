"""The Start page's first lines after the app has died: the runs it interrupted, each to resume."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from delta_app.formatting import counted
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.services import runs
from delta_app.services.resuming import resume_words
from delta_app.ui import navigation, run_actions
from delta_app.ui.messages import plain, variant_chip
from delta_app.ui.run_next import IN_FRONT
from delta_app.ui.run_states import state_of

MOST = 3


def interrupted(records: Sequence[RunRecord]) -> list[RunRecord]:
    """The interrupted runs, newest first, without those that were made again by now."""
    return [
        record
        for place, record in enumerate(records)
        if record.status is RunStatus.INTERRUPTED
        and not any(later.config == record.config for later in records[:place])
    ]


def draw(broken: Sequence[RunRecord], waiting: int) -> None:
    """A line a run with its button; how many wait in the queue, which nothing has touched.

    Args:
        broken: of `interrupted`.
        waiting: runs in the queue.
    """
    if not broken:
        return
    was = "was" if len(broken) == 1 else "were"
    queue = ""
    if waiting:
        waits = "waits" if waiting == 1 else "wait"
        queue = f" · {counted(waiting, 'run')} still {waits} in the queue"
    with st.container(border=True, key="interrupted", gap="xsmall"):
        st.markdown(
            f":orange[:material/power_off:] **{counted(len(broken), 'run')} {was} interrupted "
            f"when the app ended**{queue}"
        )
        for record in broken[:MOST]:
            _line(record)
        if len(broken) > MOST:
            st.page_link(
                navigation.RUNS,
                label=f"All {len(broken)}",
                icon=":material/list:",
                query_params={"state": state_of(broken[0]).label},
            )


def _line(record: RunRecord) -> None:
    words, buttons = st.columns([4, 1.3], vertical_alignment="center")
    with words, st.container(gap=None):
        navigation.run_link(record.id, variant_chip(record.name, record.color))
        st.caption(f"{plain(runs.status_words(record))}. {plain(resume_words(record))}")
    with buttons, st.container(horizontal=True, horizontal_alignment="right"):
        st.button(
            "Resume",
            key=f"start:resume:{record.id}",
            icon=":material/play_arrow:",
            type="primary",
            on_click=run_actions.resume,
            args=([record.id],),
            help=IN_FRONT,
        )

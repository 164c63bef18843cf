"""A measurement while it goes on or where it came to nothing: how far it is, Stop, what now."""

from __future__ import annotations

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.figures.base import empty_figure
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.services import measured_attention, runs
from delta_app.services.resuming import can_resume, resume_words
from delta_app.ui import measure_again, navigation, run_actions
from delta_app.ui.chart import draw_chart
from delta_app.ui.messages import error_text, plain
from delta_app.ui.run_live import Drawn, drawn
from delta_app.ui.run_next import IN_FRONT
from delta_app.ui.run_numbers import progress_words, share_done

BARS_HEIGHT = 212
"""Of the bars, before and after they are there."""

State = tuple[Drawn, tuple[bool, bool]]


def state(record: RunRecord) -> State:
    """What the page is drawn for: once it differs, the page is drawn again."""
    return drawn(record), measured_attention.parts(record)


def draw(run_id: str, shown: State) -> None:
    """A fragment: how far the measurement is, and Stop.

    Args:
        shown: the state that the page around it shows.
    """
    try:
        record = runs.get_run(run_id)
    except DeltaAppError as error:  # deleted in another tab, or a store that is busy
        st.warning(error_text(error))
        return
    if state(record) != shown:
        st.rerun()
    words, button = st.columns([6, 1], vertical_alignment="center")
    with words, st.container(key="run_progress"):
        st.progress(share_done(record), text=f":small[{plain(progress_words(record))}]")
    button.button(
        "Stopping" if record.stopping else "Stop",
        key="attention_stop",
        icon=":material/stop:",
        on_click=run_actions.stop,
        args=([record.id],),
        disabled=record.stopping,
        width="stretch",
    )


def place_of_bars() -> None:
    """An empty chart where the bars will be."""
    draw_chart(
        empty_figure(
            "The bars come once every filter is measured.",
            key="attention_to_come",
            height=BARS_HEIGHT,
        ),
        key="attention_to_come",
        height=BARS_HEIGHT,
        alt="Nothing is measured yet",
        modebar=False,
    )


def came_to_nothing(record: RunRecord) -> None:
    """Why there is no attention, what to try, and how to begin again."""
    error = record.error
    if record.status is RunStatus.FAILED:
        message = plain(error.message) if error else "No reason was kept."
        cure = plain(error.cure) if error and error.cure else "See its log, then Measure again."
        st.error(f"**{message}** {cure}", icon=":material/error:")
    else:
        st.info(f"{plain(runs.status_words(record))}.", icon=":material/info:")
    with st.container(horizontal=True, vertical_alignment="center"):
        if can_resume(record):
            st.button(
                "Resume",
                key="attention:resume",
                icon=":material/play_arrow:",
                on_click=run_actions.resume,
                args=([record.id],),
                help=f"{resume_words(record)} {IN_FRONT}",
            )
        measure_again.draw(record, key="attention:again")
        navigation.run_link(record.id, "Settings and log", icon=":material/open_in_new:")

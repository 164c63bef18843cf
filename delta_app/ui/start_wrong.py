"""The Start page's list of runs that failed, each with its cure."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from delta_app.runs.records import ATTENTION, TRAINING, RunRecord, RunStatus
from delta_app.services import runs
from delta_app.ui import measure_again, navigation
from delta_app.ui.messages import plain, variant_chip

MOST_WRONG = 3


def went_wrong(records: Sequence[RunRecord]) -> list[RunRecord]:
    """The latest runs that failed, newest first.

    A run that was made again by now, with the same settings, is no longer a matter.
    """
    wrong: list[RunRecord] = []
    for place, record in enumerate(records):
        if record.status is RunStatus.FAILED and not any(
            later.config == record.config for later in records[:place]
        ):
            wrong.append(record)
            if len(wrong) == MOST_WRONG:
                break
    return wrong


def draw(records: Sequence[RunRecord]) -> None:
    """A box a run: what happened, what to do, and both ways to go on."""
    if not records:
        return
    st.markdown("##### To put right")
    for record in records:
        with st.container(border=True):
            words, buttons = st.columns([4, 1], vertical_alignment="center")
            with words, st.container(gap="xsmall"):
                chip = variant_chip(record.name, record.color)
                st.markdown(f":red[:material/error:] {chip}")
                st.caption(f"{_sentence(runs.status_words(record))} {_cure(record)}")
            with buttons, st.container(horizontal=True, horizontal_alignment="right"):
                navigation.run_link(record.id, "Open", icon=":material/open_in_new:")
                if record.kind == TRAINING:
                    st.page_link(
                        navigation.FINE_TUNE,
                        label="Run again",
                        icon=":material/replay:",
                        query_params={"from": record.id},
                    )
                else:
                    measure_again.draw(record, key=f"start:again:{record.id}")


def _sentence(words: str) -> str:
    """Words with a full stop behind them."""
    return plain(words if words.endswith((".", "!", "?")) else f"{words}.")


def _cure(record: RunRecord) -> str:
    if record.error is not None:
        return plain(record.error.cure)
    if record.kind == ATTENTION:
        return measure_again.cure(record)
    return "Run it again with the same settings, or change them."

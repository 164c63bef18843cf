"""How far a run is and its four figures."""

from __future__ import annotations

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.services import runs
from delta_app.ui.messages import error_text, plain
from delta_app.ui.run_live import Drawn, drawn
from delta_app.ui.run_numbers import SHOWN, figures, progress_words, share_done


def draw(run_id: str, shown: Drawn) -> None:
    """The part as the run stands now; nothing in it can be clicked.

    Args:
        shown: what the page around it shows; where the run moved on, the page is drawn again.
    """
    try:
        record = runs.get_run(run_id)
        series = runs.curves(run_id, SHOWN, max_points=4)
    except DeltaAppError as error:  # deleted in another tab, or a store that is busy
        st.warning(error_text(error))
        return
    if drawn(record) != shown:
        st.rerun()
    with st.container(key="run_progress"):
        st.progress(share_done(record), text=f":small[{plain(progress_words(record))}]")
    of_training = figures(record, series)
    if of_training and not (record.status.ended and not record.step):
        with st.container(key="run_figures"):
            for column, figure in zip(st.columns(4), of_training, strict=True):
                column.metric(
                    figure.label,
                    figure.value,
                    delta=figure.note,
                    delta_color="off",
                    delta_arrow="off",
                )

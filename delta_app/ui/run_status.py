"""How far a run is and its four figures; what went wrong where it did."""

from __future__ import annotations

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.runs.records import ATTENTION, TRAINING, RunRecord, RunStatus
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
    if record.status in (RunStatus.FAILED, RunStatus.INTERRUPTED):
        _went_wrong(record)
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


def _went_wrong(record: RunRecord) -> None:
    """The reason, what to try, and the last lines of the log."""
    if record.status is RunStatus.INTERRUPTED:
        st.warning(
            f"{plain(runs.status_words(record))}. {_kept_and_next(record)}",
            icon=":material/power_off:",
        )
        return
    error = record.error
    message = plain(error.message) if error else "No reason was kept."
    again = "Measure again" if record.kind == ATTENTION else "Run again"
    cure = plain(error.cure) if error and error.cure else f"See the log below, then choose {again}."
    kept = f" Epoch {record.best_epoch} is kept: Inspect shows it." if record.best_epoch else ""
    st.error(f"**{message}** {cure}{kept}", icon=":material/error:")
    if error and error.last_events:
        st.code(error.last_events, language=None, wrap_lines=True)


def _kept_and_next(record: RunRecord) -> str:
    """What an interrupted run has, and how to get the rest."""
    if record.kind == TRAINING:
        return "What was measured until then is below. To train it to its end, choose Run again."
    kept = "What was measured until then is below. " if record.attention else ""
    return f"{kept}To measure it to its end, choose Measure again."

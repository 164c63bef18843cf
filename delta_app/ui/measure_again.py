"""The way to measure once more: the form with the same settings, or the queue at once.

A form sets up a pretrained network. A measurement of a run's own network has no form: its network
and pictures are that run's, and it is queued again as it was.
"""

from __future__ import annotations

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.runs.records import RunRecord
from delta_app.services import attention_again
from delta_app.ui import navigation, notices
from delta_app.ui.messages import error_text

LABEL = "Measure again"
_ICON = ":material/replay:"


def draw(record: RunRecord, key: str) -> None:
    """The link to the form, or the button that queues the same measurement.

    Args:
        key: of the button; a page may draw it for several measurements.
    """
    if attention_again.has_a_form(record):
        navigation.measure_again_link(
            record.id, LABEL, icon=_ICON, help="Opens the form, filled in with these settings."
        )
    elif st.button(
        LABEL,
        key=key,
        icon=_ICON,
        help="Measures that run's fine-tuned network once more, with the same settings.",
    ):
        _queue(record)


def begin(record: RunRecord) -> None:
    """What a click does where there is a button for either kind: open the form, or queue."""
    if attention_again.has_a_form(record):
        navigation.open_measure_again(record.id)
    _queue(record)


def cure(record: RunRecord) -> str:
    """What to try where it came to nothing and nothing better is known."""
    change = ", or change them" if attention_again.has_a_form(record) else ""
    return f"{LABEL} with the same settings{change}."


def _queue(record: RunRecord) -> None:
    """Queue it again and open that one; said in a toast where that cannot be done."""
    try:
        run_id = attention_again.again(record)
    except DeltaAppError as error:
        notices.note(error_text(error), icon=":material/error:")
        return
    navigation.open_attention(run_id)

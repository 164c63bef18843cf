"""Fetching torchvision's weights between Start and the run, so that the run cannot lack them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.formatting import size
from delta_app.services.background import InBackground
from delta_app.services.weights_files import download_in_background

_GOING_ON = "fine-tune:download"
_FAILED = "fine-tune:download-failed"


def begin(values: dict[str, Any], *, all_three: bool) -> None:
    """Start fetching; remembered with what it is for."""
    task = download_in_background(values["backbone"])
    st.session_state[_GOING_ON] = (task, dict(values), all_three)
    forget_failure()


def going_on() -> InBackground[Path] | None:
    """The download that was begun and whose end was not seen yet."""
    kept = st.session_state.get(_GOING_ON)
    return None if kept is None else kept[0]


def end(values: dict[str, Any], task: InBackground[Path]) -> bool | None:
    """Take the end of the download notice.

    Returns:
        What was to be started: True for all three, False for one run; None where the download
        failed, was cancelled, or was begun for a form that has changed since.
    """
    _task, began_with, all_three = st.session_state.pop(_GOING_ON)
    if task.error is not None:
        st.session_state[_FAILED] = (began_with["backbone"], task.error)
        return None
    if task.cancelled or began_with != values:
        return None
    return bool(all_three)


def failure(values: dict[str, Any]) -> DeltaAppError | None:
    """Why the last download for this backbone failed, until it is tried again."""
    backbone, error = st.session_state.get(_FAILED, (None, None))
    return error if backbone == values["backbone"] else None


def forget_failure() -> None:
    """Let it be tried again."""
    st.session_state.pop(_FAILED, None)


def words(done: int, total: int | None) -> str:
    """ "Downloading the weights: 34.1 MB of 102.5 MB"."""
    of = f" of {size(total)}" if total else ""
    return f"Downloading the weights: {size(done)}{of}"

"""The folder of pictures as the form stands: checked, being checked, or what is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from delta_app.data.records import DatasetCheck
from delta_app.errors import DeltaAppError
from delta_app.services import datasets

_TASK = "fine-tune:check"
_TAKEN = "fine-tune:check-taken"
PATIENCE = 0.8
"""Seconds that a check may hold the page up before it goes on in the background."""


@dataclass(frozen=True)
class PicturesState:
    """What is known of the folder now; all None while none was chosen.

    Attributes:
        task: the check that still goes on, or was given up.
    """

    check: DatasetCheck | None = None
    error: DeltaAppError | None = None
    task: datasets.CheckInBackground | None = None

    @property
    def usable(self) -> bool:
        return self.check is not None and self.check.usable


def pictures_state(path: str) -> PicturesState:
    """Look at the folder; its pictures are read in the background, once for each state of it."""
    task = st.session_state.get(_TASK)
    if task is not None and task.path != path:
        task.cancel()
        task = st.session_state.pop(_TASK, None) and None
    if not path:
        return PicturesState()
    kept = datasets.checked_before(path)
    if kept is not None:
        return PicturesState(check=kept)
    # A result is shown once even if the folder has changed while it was read.
    if task is None or (task.finished and st.session_state.get(_TAKEN) is task):
        task = datasets.CheckInBackground(path)
        st.session_state[_TASK] = task
        task.wait(PATIENCE)
    if not task.finished or task.cancelled:
        return PicturesState(task=task)
    st.session_state[_TAKEN] = task
    return PicturesState(check=task.result, error=task.error)


def check_again() -> None:
    """Forget the last check, so that the next look starts one."""
    st.session_state.pop(_TASK, None)

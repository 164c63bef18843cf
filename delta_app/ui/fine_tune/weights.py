"""The starting weights as the form stands: checked, being checked, or what is wrong."""

from __future__ import annotations

import os
from dataclasses import dataclass

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.models.weights import WEIGHTS_WORDS
from delta_app.services import backbones
from delta_app.services.backbones import WeightsCheck
from delta_app.services.background import InBackground

_TASK = "fine-tune:weights-task"
PATIENCE = 1.0
"""Seconds that a check may hold the page up before it goes on in the background."""


@dataclass(frozen=True)
class WeightsState:
    """What is known now; all None while nothing was chosen.

    Attributes:
        task: the check that still goes on, or was given up.
    """

    check: WeightsCheck | None = None
    error: DeltaAppError | None = None
    task: InBackground[WeightsCheck] | None = None

    @property
    def to_download(self) -> bool:
        """Whether torchvision's file must be fetched first."""
        return self.check is not None and self.check.download_bytes != 0


def weights_state(backbone: str, weights: str) -> WeightsState:
    """Look at the chosen weights; a file is read in the background and remembered."""
    if weights in WEIGHTS_WORDS or not weights:
        try:
            return WeightsState(check=backbones.check_weights(backbone, weights))
        except DeltaAppError as error:
            return WeightsState(error=error)
    key = (backbone, weights, _version(weights))
    kept = st.session_state.get(_TASK)
    if kept is None or kept[0] != key:
        if kept is not None:
            kept[1].cancel()
        task = InBackground(
            lambda _progress, _cancelled: backbones.check_weights(backbone, weights), "weights"
        )
        st.session_state[_TASK] = kept = (key, task)
        task.wait(PATIENCE)
    task = kept[1]
    if not task.finished or task.cancelled:
        return WeightsState(task=task)
    return WeightsState(check=task.result, error=task.error)


def check_again() -> None:
    """Forget the last check, so that the next look starts one."""
    st.session_state.pop(_TASK, None)


def _version(path: str) -> tuple[int, int] | None:
    """Tells a changed file from the one that was checked."""
    try:
        status = os.stat(os.path.expanduser(path))
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size

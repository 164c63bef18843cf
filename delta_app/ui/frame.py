"""What stands around every page: the worker's start, and the strip in the sidebar."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.formatting import counted, duration, size
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runtime import prepare_process
from delta_app.services import locations, runs
from delta_app.ui import access, navigation
from delta_app.ui.messages import error_box, error_text, plain, variant_chip
from delta_app.ui.style import apply_style

_ASSETS = Path(__file__).resolve().parents[2] / "assets"
ICON = str(_ASSETS / "icon.png")
MARK = str(_ASSETS / "logo.svg")
WORDMARK = str(_ASSETS / "wordmark.svg")

REFRESH_SECONDS = 2.0
MOST_RUNNING = 3
"""Runs that the strip names; there is one at a time on a device."""


def runs_folder() -> Path:
    """The folder of the run store and the run folders, for this process."""
    return locations.runs_dir()


def named_runs_folder() -> Path | None:
    """The runs folder where a command must name it; None for the user's own default."""
    folder = runs_folder()
    return None if folder == locations.user_data_dir() / "runs" else folder


def begin() -> None:
    """Let in who may come in, then make the process ready and start its worker.

    Only the first call of a process makes it ready. Where the runs folder cannot be used, the page
    ends with the reason and the cure.
    """
    apply_style()
    access.ask()
    prepare_process()
    try:
        runs.start_worker(runs_folder())
    except DeltaAppError as error:
        error_box(error)
        st.stop()


def sidebar_strip() -> None:
    """The running runs, how many wait, and the machine, under the navigation on every page."""
    with st.sidebar:
        _strip()
        access.sign_out_link()


@st.fragment(run_every=REFRESH_SECONDS)
def _strip() -> None:
    """The only fragment that refreshes on every page."""
    try:
        going = runs.list_runs(status=(RunStatus.RUNNING, RunStatus.QUEUED))
        machine = runs.machine()
    except DeltaAppError as error:
        st.caption(error_text(error))
        return
    running = [record for record in going if record.status is RunStatus.RUNNING]
    waiting = len(going) - len(running)
    with st.container(gap="xsmall", key="strip"):
        for record in running[:MOST_RUNNING]:
            _running(record)
        if waiting:
            label = f"{counted(waiting, 'run')} {'waits' if waiting == 1 else 'wait'}"
            st.page_link(navigation.RUNS, label=f":small[{label}]", icon="")
        used, total = size(machine.memory_used), size(machine.memory_total)
        st.caption(f"{plain(machine.device)}  \nMemory: {used} of {total}")


def _running(record: RunRecord) -> None:
    navigation.run_link(record.id, variant_chip(record.name, record.color))
    st.progress(progress_of(record))
    left = runs.time_left(record)
    ends = " " if left is None else f"{duration(left)} left"
    st.caption(f"{plain(runs.status_words(record))}  \n{ends}")


def progress_of(record: RunRecord) -> float:
    """How far a run's current phase is, in [0, 1]; 0 where nobody knows."""
    if not record.phase_total:
        return 0.0
    return min(1.0, max(0.0, record.phase_done / record.phase_total))

"""What stands around every page: the worker's start, and the strip in the sidebar."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from delta_app.runtime import prepare_process
from delta_app.services import locations, runs

_ASSETS = Path(__file__).resolve().parents[2] / "assets"
ICON = str(_ASSETS / "icon.svg")
LOGO = str(_ASSETS / "logo.svg")


def runs_folder() -> Path:
    """The folder of the run store and the run folders, for this process."""
    return Path(locations.runs_dir(None))


def begin() -> None:
    """Make the process ready and start its worker; only the first call of a process acts."""
    prepare_process()
    runs.start_worker(runs_folder())


def sidebar_strip() -> None:
    """The running run, how many wait, and the machine, under the navigation on every page."""
    with st.sidebar:
        _strip()


@st.fragment(run_every=2.0)
def _strip() -> None:
    """The only fragment that refreshes on every page."""
    machine = runs.machine()
    st.caption(str(machine.device))

"""What keeps a run's page true while the run goes on.

A page is cut into top-level fragments. Those that refresh by themselves only draw; buttons, tabs
and selectors stand in fragments that do not, so that no redraw can take one away under the
pointer, and a click reruns its own part of the page alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from delta_app.runs.records import RunRecord

STATUS_SECONDS = 1.0
PART_SECONDS = 2.0


def live(record: RunRecord, part: Callable[..., None], *args: Any, every: float) -> None:
    """Draw a part of the page, again every so many seconds while the run goes on.

    Args:
        part: a module's function: its name is what the browser asks for again.
    """
    st.fragment(part, run_every=None if record.status.ended else every)(*args)


Drawn = tuple[str, str | None, int | None, str]


def drawn(record: RunRecord) -> Drawn:
    """What the parts that do not refresh show of a run: once it differs, draw the page again."""
    return record.status.value, record.request, record.queue_position, record.name

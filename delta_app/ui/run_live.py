"""What keeps a run's page true while the run goes on.

A page is cut into top-level fragments, none within another. Those that refresh by themselves keep
their widgets: each has a key of its own and a default that stays, so that it is the same widget
after every redraw, and what was clicked meanwhile is told to the server as its value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from delta_app.runs.records import RunRecord

STATUS_SECONDS = 1.0
PART_SECONDS = 2.0
AT_REST_SECONDS = 5.0
"""Between two looks at a run that has ended: it may be resumed from elsewhere."""

_STYLE = """
<style>
/* What is about to be drawn anew does not fade: on a busy machine it would blink at every turn. */
.stMain [data-stale="true"] { opacity: 1 !important; transition: none !important; }
/* Streamlit's own "running" sign and its Stop, which stops no run. */
[data-testid="stStatusWidget"] { display: none; }
/* A row of buttons that looks like tabs. */
.st-key-tab_bar [role="radiogroup"] {
  gap: 1rem; width: 100%; border-bottom: 1px solid rgba(128, 128, 140, 0.25);
}
.st-key-tab_bar button {
  border: 0 !important; border-radius: 0 !important; background: none !important;
  padding: 0 0 0.35rem 0; min-height: 0; margin: 0 0 -1px 0; flex: none;
}
.st-key-tab_bar button[aria-checked="true"] { box-shadow: inset 0 -2px 0 0 currentColor; }
</style>
"""


def apply_live_style() -> None:
    """Keep a page that refreshes still; takes no space in it."""
    st.html(_STYLE)


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

"""Watching a piece of work in the background: progress, a way out, and the page when it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from delta_app.services.background import InBackground
from delta_app.ui.refreshing import refreshing

EVERY_SECONDS = 0.4


def watch(task: InBackground[Any], key: str, words: Callable[[int, int | None], str]) -> None:
    """Progress of the work and Cancel; the whole page is drawn again when it has ended.

    Args:
        key: of the Cancel button, one for each piece of work on a page.
        words: says done and total.
    """
    refreshing(_progress, EVERY_SECONDS, key=f"watch-{key}")(task, key, words)


def _progress(task: InBackground[Any], key: str, words: Callable[[int, int | None], str]) -> None:
    if task.finished:
        st.rerun()
    bar, button = st.columns([5, 1], vertical_alignment="center")
    bar.progress(task.share or 0.0, text=words(task.done, task.total))
    if button.button("Cancel", key=f"cancel:{key}", width="stretch"):
        task.cancel()
        task.wait(1.0)
        st.rerun()

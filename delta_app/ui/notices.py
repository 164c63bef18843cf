"""What a click came to, told once in a toast."""

from __future__ import annotations

import time

import streamlit as st

STAYS_SECONDS = 4.0
"""As long as Streamlit shows a toast."""

_PENDING, _TOLD = "notices:pending", "notices:told"

# Streamlit keeps toasts, dialogs and styles in one list. What a fragment adds to it takes the place
# after the styles before the fragment, and with it that of the next style: this one can be spared.
_PLACE = "<style>/* the place of a toast or a dialog */</style>"


def note(text: str, icon: str = ":material/info:") -> None:
    """Have something told when the part of the page is drawn next.

    A widget's callback calls this in place of `st.toast`: what a callback draws goes to the top of
    the page, in the place of what stands there.

    Args:
        text: Markdown.
    """
    st.session_state.setdefault(_PENDING, []).append((text, icon))


def tell() -> None:
    """Tell what was noted, in one toast; called once in each part of a page whose clicks note
    something, unless it opens a dialog."""
    pending = st.session_state.pop(_PENDING, None)
    if pending:
        text = "  \n".join(text for text, _ in pending)
        st.session_state[_TOLD] = (text, pending[0][1], time.monotonic() + STAYS_SECONDS)
    text, icon, until = st.session_state.get(_TOLD, ("", "", 0.0))
    if time.monotonic() < until:  # the same again, or the next redraw would take it away
        st.toast(text, icon=icon)
    else:
        st.html(_PLACE)

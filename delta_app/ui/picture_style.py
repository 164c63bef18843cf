"""Layout of strips of pictures and of tiles of maps; no colours."""

from __future__ import annotations

import streamlit as st

_RULES = """
<style>
.st-key-run_strip img { height: 52px; width: 52px; max-height: 52px; object-fit: cover; }
.st-key-run_strip button { height: auto; padding: 3px; }
/* Pictures side by side are of one height, whatever their shape. */
.st-key-disagreements img { height: 7.5rem; width: 100%; object-fit: cover; border-radius: 4px; }
.st-key-filter_tiles [data-testid="stCaptionContainer"] p { text-align: center; }
.st-key-chips button p { white-space: nowrap; }
</style>
"""


def apply_picture_style() -> None:
    """Add the rules to the page; takes no space in it."""
    st.html(_RULES)

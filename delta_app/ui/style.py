"""The few rules of layout that the theme cannot say; no colours and no fonts."""

from __future__ import annotations

import streamlit as st

_RULES = """
<style>
/* What matters fits in 1280 x 800: use the width. */
.stMainBlockContainer { padding-left: 2rem; padding-right: 2rem; }
[data-testid="stBottomBlockContainer"] {
  padding: 0.6rem 2rem 0.8rem 2rem; border-top: 1px solid rgba(128, 128, 140, 0.25);
}
/* A panel that stays in sight while the other column scrolls. */
div:has(> .st-key-stays) { position: sticky; top: 4rem; }
.st-key-stays { max-height: calc(100vh - 8.5rem); overflow-y: auto; }
/* A folded step is one line; its words are cut, never wrapped. */
[class*="st-key-folding-"] { padding: 0.35rem 0.9rem; }
[class*="st-key-folding-"]:has(> :nth-child(2)) { padding-bottom: 0.9rem; }
[class*="st-key-folding-"] button p {
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
}
/* Samples are of one height, whatever their shape. */
.st-key-samples img { height: 4.2rem; object-fit: cover; border-radius: 4px; }
.st-key-samples p { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
/* Links stand in line with its words. */
.st-key-strip a[data-testid="stPageLink-NavLink"],
.st-key-interrupted a[data-testid="stPageLink-NavLink"] { padding-left: 0; padding-right: 0; }
.delta-sign-out { font-size: 0.93rem; color: inherit; opacity: 0.75; }
/* Numbers in columns keep their place while they count. */
[data-testid="stMetricValue"], [data-testid="stSidebar"] { font-variant-numeric: tabular-nums; }
</style>
"""


def apply_style() -> None:
    """Add the rules to the page; takes no space in it."""
    st.html(_RULES)

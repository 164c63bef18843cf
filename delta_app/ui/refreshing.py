"""Parts of a page that draw themselves again while somebody looks at it.

Streamlit's own `run_every` asks for a part by the clock: in a browser tab that nobody sees, too,
and on a busy machine before the last answer is there. Here the browser asks so many seconds after
it has drawn the part; not while its tab is hidden, and at once when that is seen again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from itertools import count
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from delta_app.ui.messages import store_trouble_said

STYLE = '<style>[class*="st-key-refresh-"] { display: none; }</style>'
"""For every page: what asks takes no space, not even the gap between two parts."""

_turns = count()


def refreshing(
    part: Callable[..., None], every: float | None, *, key: str | None = None
) -> Callable[..., None]:
    """The part as a fragment; call it to draw it.

    A store that cannot be used then is said in the part's place, with the cure.

    Args:
        part: a module's function: its name is what the browser asks for again.
        every: seconds from one drawing to the next; None draws it again only when something in
            it is clicked.
        key: what `st.rerun` calls the fragment; needed where a page draws one part twice.
    """
    said = store_trouble_said(part)
    if every is None:
        return st.fragment(said, key=key)
    asks = f"refresh-{key or f'{part.__module__}-{part.__name__}'}"

    @wraps(part)
    def drawn(*args: Any) -> None:
        # First, so that a part that fails is asked for again; another turn each time, or the
        # browser would not notice that it was drawn.
        _component()(
            key=asks, data={"seconds": every, "turn": next(_turns)}, on_due_change=_nothing_more
        )
        said(*args)

    return st.fragment(drawn, key=key)


def _nothing_more() -> None:
    """What the browser asks for is the redraw itself."""


@cache
def _component() -> ComponentRenderer:
    script = Path(__file__).with_name("refreshing.js").read_text(encoding="utf-8")
    return st.components.v2.component(
        "delta_refresh", html="<i></i>", js=script, isolate_styles=False
    )

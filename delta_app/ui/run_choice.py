"""Choices on the run page that the address keeps: tab, layer, order, picture, split."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from delta_app.ui import navigation
from delta_app.ui.messages import plain

MOST_IN_A_ROW = 5


def choice_key(run_id: str, name: str) -> str:
    """Key of a choice's widget. Each run has choices of its own: a link to another run opens
    that one as its address says."""
    return f"run:{run_id}:{name}"


def begin(key: str, name: str, options: Sequence[str] | None, default: str) -> str:
    """What a widget begins with: what the address says, else the default.

    It is given to the widget as its default and stays the same for as long as the widget is
    drawn. Both matter for clicks: a value written into the session's state is taken over by the
    browser only once it has drawn the widget, and so brings the old value back over a click that
    came before; a default that changes does the same.

    Args:
        key: the widget's.
        name: what the address calls it.
        options: what it may be; None for any text.
    """
    kept = f"{key}:begin"
    if key not in st.session_state or kept not in st.session_state:
        st.session_state[kept] = navigation.query(name) or default
    value = str(st.session_state[kept])
    return value if options is None or value in options else default


def seeded(run_id: str, name: str, options: Sequence[str], default: str) -> str:
    """The key of a choice, with the value of the address in place."""
    key = choice_key(run_id, name)
    if st.session_state.get(key) not in options:
        wanted = navigation.query(name)
        st.session_state[key] = wanted if wanted in options else default
    return key


def keep(name: str, chosen: str, default: str) -> None:
    """Put a choice into the address; what would be chosen anyway is left out."""
    navigation.show_in_address({name: None if chosen == default else chosen})


def choose(
    run_id: str,
    name: str,
    options: Sequence[str],
    *,
    label: str,
    default: str | None = None,
    words: Callable[[str], str] = str,
) -> str:
    """A choice as a row of buttons, or as a list where there are many.

    Args:
        name: how the address calls it.
        label: what is chosen, for those who hear the page.
        default: the first option where None.
        words: what an option is called on the screen.
    """
    default = options[0] if default is None else default
    key = choice_key(run_id, name)
    start = begin(key, name, options, default)
    if len(options) <= MOST_IN_A_ROW:
        chosen = st.segmented_control(
            label,
            options,
            default=start,
            key=key,
            required=True,
            format_func=lambda option: plain(words(option)),  # a button reads Markdown, a list not
            label_visibility="collapsed",
        )
    else:
        chosen = st.selectbox(
            label,
            options,
            index=options.index(start),
            key=key,
            format_func=words,
            label_visibility="collapsed",
            width=320,
        )
    chosen = default if chosen is None else chosen
    keep(name, chosen, default)
    return chosen


def choose_tab(run_id: str, names: Sequence[str], default: str) -> str:
    """A row of tabs, one of which is open.

    Not `st.tabs`: it takes every answer of the server for a wish to change the tab, and so takes
    a click back that came before the answer to the one before.
    """
    key = choice_key(run_id, "tab")
    with st.container(key="tab_bar"):
        chosen = st.segmented_control(
            "Part of the page",
            names,
            default=begin(key, "tab", names, default),
            key=key,
            required=True,
            label_visibility="collapsed",
            width="stretch",
        )
    chosen = default if chosen is None else chosen
    keep("tab", chosen, default)
    return chosen


def choose_layer(run_id: str, layers: Sequence[str]) -> str:
    """Which behaviour layer is looked at; the attention and the feature maps share it."""
    return choose(run_id, "layer", layers, label="Behaviour layer", default=layers[-1])

"""DELTA's attention from a file: one that was measured here, or a file of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from delta_app.attention.authors_file import is_authors_file
from delta_app.errors import DeltaAppError
from delta_app.formatting import counted
from delta_app.services.shown_attention import FinishedAttention, finished_attentions
from delta_app.settings import SettingInfo
from delta_app.ui.fine_tune.values import FILE, first_backbone
from delta_app.ui.messages import error_beside
from delta_app.ui.session import FormState
from delta_app.ui.settings_form import setting_widget

OWN = ""
"""The choice of a file that was not measured here; its path is typed."""


def attention_file(
    state: FormState, key: str, temperature: SettingInfo, errors: Mapping[str, DeltaAppError]
) -> None:
    """Draw the choice; the path stands in `state` under the setting's key.

    Args:
        key: of the setting, its method's scope included.
        temperature: counts where the file holds importances alone.
    """
    backbone = str(state.current("backbone", first_backbone()))
    offered = {str(each.path): each for each in finished_attentions(backbone)}
    path = str(state.current(f"{key}:{FILE}") or "")
    chosen = _measured(state, key, path, backbone, offered) if offered else OWN
    if chosen == OWN:
        path = _typed(state, key)
    # A path that is refused is not looked at, not even for its kind.
    if "attention" not in errors and is_authors_file(path):
        st.caption(
            "The file holds the filters' importances, as the authors' code writes them: the "
            "attention is made of them with this temperature."
        )
        setting_widget(temperature, state)
        error_beside(errors, temperature.name)


def _measured(
    state: FormState,
    key: str,
    path: str,
    backbone: str,
    offered: Mapping[str, FinishedAttention],
) -> str | None:
    """One of the measurements by its path, OWN, or None while nothing is chosen."""
    kept = f"{key}:picked"
    before = path if path in offered else OWN if path else state.get(kept)
    options = [*offered, OWN]
    widget = f"{state.widget(kept)}:{backbone}"
    picked: str | None = st.selectbox(
        "Measurement",
        options,
        index=options.index(before) if before in options else None,
        key=widget,
        format_func=lambda each: _words(offered[each]) if each in offered else "A file of my own",
        placeholder=f"Choose one of {counted(len(offered), 'measurement')} of this backbone",
        on_change=_take(state, key, widget),
    )
    return picked


def _take(state: FormState, key: str, widget: str) -> Callable[[], None]:
    """What a choice does before the page is drawn: its path is what the form now says."""

    def take() -> None:
        picked = st.session_state.get(widget)
        state.keep(f"{key}:picked", picked)
        state.set(f"{key}:{FILE}", picked or "")

    return take


def _words(each: FinishedAttention) -> str:
    pictures = counted(each.pictures, "picture")
    return f"{each.name} · {each.estimator}, {pictures} of {each.dataset}"


def _typed(state: FormState, key: str) -> str:
    path = st.text_input(
        "Attention file",
        value=state.get(f"{key}:{FILE}", ""),
        key=state.widget(f"{key}:{FILE}"),
        on_change=state.taking_over(f"{key}:{FILE}"),
        placeholder="…/attention.json of a run's folder, or a file of the authors' form",
    )
    state.keep(f"{key}:{FILE}", path)
    return path.strip()

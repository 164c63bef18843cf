"""A form made from settings: one widget a setting, advanced ones folded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.formatting import counted
from delta_app.services.forms import range_words
from delta_app.settings import SettingInfo
from delta_app.ui.messages import error_beside
from delta_app.ui.session import FormState

COLUMNS = 3


def settings_form(
    infos: Sequence[SettingInfo],
    state: FormState,
    *,
    scope: str = "",
    errors: Mapping[str, DeltaAppError],
    empty: Mapping[str, str],
    title: str = "More settings",
) -> dict[str, Any]:
    """Draw the settings and return their values by name.

    Args:
        scope: put before a setting's name in `state`, for settings that mean something else
            by another method.
        errors: by setting; each stands under its widget.
        empty: what an empty optional setting stands for, shown in its place ("all").
        title: of the fold that holds the advanced settings.
    """
    values = _grid([i for i in infos if not i.advanced], state, scope, errors, empty)
    advanced = [i for i in infos if i.advanced]
    if advanced:
        changed = sum(
            parsed(i, state.current(scope + i.name, i.default)) != i.default for i in advanced
        )
        wrong = sum(i.name in errors for i in advanced)
        label = f"{title} · {changed} changed" if changed else title
        if wrong:
            label += f" · :red[{counted(wrong, 'setting')} to correct]"
        key = f"fold:{scope}{advanced[0].name}"
        with st.expander(label, key=key, type="compact"):
            values |= _grid(advanced, state, scope, errors, empty)
    return values


def _grid(
    infos: Sequence[SettingInfo],
    state: FormState,
    scope: str,
    errors: Mapping[str, DeltaAppError],
    empty: Mapping[str, str],
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for start in range(0, len(infos), COLUMNS):
        row = infos[start : start + COLUMNS]
        for column, info in zip(st.columns(COLUMNS), row, strict=False):
            with column:
                values[info.name] = setting_widget(info, state, scope, empty.get(info.name, ""))
        for info in row:
            error_beside(errors, info.name)
    return values


def setting_widget(
    info: SettingInfo, state: FormState, scope: str = "", placeholder: str = ""
) -> Any:
    """The widget of one setting; its value is kept in `state` and returned."""
    key = scope + info.name
    value = state.get(key, info.default)
    label = f"{info.label} ({info.unit})" if info.unit else info.label
    common: dict[str, Any] = {
        "label": label,
        "key": state.widget(key),
        "help": help_text(info),
        "on_change": state.taking_over(key, lambda entered: parsed(info, entered)),
    }
    entered: Any
    if info.kind == "bool":
        entered = st.checkbox(value=bool(value), **common)
    elif info.kind == "choice":
        entered = st.selectbox(
            options=info.choices,
            index=info.choices.index(value),
            format_func=lambda choice: info.choice_labels.get(choice, choice),
            **common,
        )
    elif info.kind in ("int", "float") and not info.optional:
        entered = st.number_input(
            value=int(value) if info.kind == "int" else float(value),
            step=_step(info),
            format="%d" if info.kind == "int" else "%g",
            **common,
        )
    else:  # a number that may be empty is typed: emptying it is then like in any other field
        entered = st.text_input(value=_text(value), placeholder=placeholder or None, **common)
    entered = parsed(info, entered)
    state.keep(key, entered)
    return entered


def _text(value: Any) -> str:
    """A setting as it is typed."""
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value))
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def parsed(info: SettingInfo, entered: Any) -> Any:
    """A widget's value as the setting's; text that is no number stays, to be complained of."""
    if not isinstance(entered, str) or info.kind == "choice":
        return entered
    text = entered.strip()
    if info.kind == "list":
        return tuple(part for each in text.split(",") if (part := each.strip())) or None
    if info.kind not in ("int", "float"):
        return text
    if not text:
        return None
    try:
        return int(text) if info.kind == "int" else float(text)
    except ValueError:
        return text


def help_text(info: SettingInfo) -> str:
    """The setting's help with its range and default."""
    notes = []
    if range_words(info):
        notes.append(f"Range: {range_words(info)}.")
    if info.default is not None and not info.required:
        notes.append(f"Default: {_said(info)}.")
    return "\n\n".join([info.help, " ".join(notes)]) if notes else info.help


def _said(info: SettingInfo) -> str:
    if isinstance(info.default, bool):
        return "on" if info.default else "off"
    if isinstance(info.default, float):
        return f"{info.default:g}"
    return info.choice_labels.get(str(info.default), str(info.default))


def _step(info: SettingInfo) -> float | int:
    """How far one press of + or - goes: half the default's power of ten on a log scale."""
    if info.kind == "int":
        return 1
    if info.log:
        scale = info.default or info.maximum or 1.0
        return float(10 ** math.floor(math.log10(scale))) / 2
    return 0.05

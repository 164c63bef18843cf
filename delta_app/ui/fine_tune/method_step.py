"""Step 3: the method, its settings, and how the network is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.regularizers import method, methods
from delta_app.settings import SettingInfo
from delta_app.training.run_config import setting_groups
from delta_app.ui.fine_tune.attention_file import attention_file
from delta_app.ui.fine_tune.values import FILE, FIRST_METHOD, WORDS
from delta_app.ui.messages import error_beside, variant_chip
from delta_app.ui.session import FormState
from delta_app.ui.settings_form import help_text, settings_form

EMPTY = {
    "per_class": "all",
    "head_lr": "as the backbone's",
    "dropout": "the network's own",
    "threads": "all cores",
    "attention_batches": "all pictures",
}
"""What an empty setting stands for."""

_ATTENTION_LABELS = {
    "learned": "Learned",
    "uniform": "Uniform",
    "shuffled": "Shuffled",
    FILE: "From a file",
}


def method_step(state: FormState, errors: Mapping[str, DeltaAppError]) -> None:
    """Draw the step; what is chosen stands in `state`."""
    names = [each.name for each in methods()]
    chips = {each.name: variant_chip(each.label, each.color) for each in methods()}
    chosen = st.segmented_control(
        "Method",
        names,
        key=state.widget("method"),
        default=state.get("method", FIRST_METHOD),
        format_func=lambda name: chips[name],
        required=True,
        label_visibility="collapsed",
        width="stretch",
    )
    name = str(chosen or FIRST_METHOD)
    state.keep("method", name)
    st.caption(method(name).summary)
    groups = setting_groups(name)
    own = [info for info in groups["method"] if info.name != "attention"]
    scope = f"{name}."
    with st.container(gap="small"):
        if any(info.name == "attention" for info in groups["method"]):
            info = next(i for i in groups["method"] if i.name == "attention")
            _attention(info, state, scope, errors, groups["attention"])
        settings_form(
            own,
            state,
            scope=scope,
            errors=errors,
            empty=EMPTY,
            title=f"More of {method(name).label}",
        )
    st.markdown("###### Training")
    settings_form(
        [i for i in groups["optimization"] if i.name != "device"],
        state,
        errors=errors,
        empty=EMPTY,
        title="More of the training",
    )
    if state.current(f"{scope}attention:from", "learned") in ("learned", "shuffled"):
        _measurement(groups.get("attention", ()), state, errors)


def _attention(
    info: SettingInfo,
    state: FormState,
    scope: str,
    errors: Mapping[str, DeltaAppError],
    measuring: Sequence[SettingInfo],
) -> None:
    """Learned, uniform, shuffled, or a measurement that is there already.

    Args:
        measuring: the settings of the attention's measurement.
    """
    key = f"{scope}attention"
    words = (*WORDS["attention"], FILE)
    word = st.segmented_control(
        info.label,
        words,
        key=state.widget(f"{key}:from"),
        default=state.get(f"{key}:from", info.default),
        format_func=lambda word: _ATTENTION_LABELS[word],
        required=True,
        help=help_text(info),
    )
    state.keep(f"{key}:from", word)
    if word == FILE:
        temperature = next(each for each in measuring if each.name == "temperature")
        attention_file(state, key, temperature, errors)
    error_beside(errors, "attention")


def _measurement(
    infos: tuple[SettingInfo, ...], state: FormState, errors: Mapping[str, DeltaAppError]
) -> None:
    if infos:
        settings_form(
            infos, state, errors=errors, empty=EMPTY, title="How the attention is measured"
        )

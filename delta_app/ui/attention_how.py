"""How a new measurement measures: estimator, how many pictures, which, and what else."""

from __future__ import annotations

from typing import Any

import streamlit as st

from delta_app.config import AttentionSettings
from delta_app.formatting import count, counted
from delta_app.settings import SettingInfo
from delta_app.training.run_config import RunConfig, attention_settings
from delta_app.ui.fine_tune.draft import Draft
from delta_app.ui.fine_tune.values import fill_from
from delta_app.ui.messages import error_beside
from delta_app.ui.session import FormState
from delta_app.ui.settings_form import help_text, settings_form

AUTHORS_BATCHES, STABLE = 4, 0.9
LOWEST, HIGHEST = 0.001, 0.999
"""Of the field for the reliability; the setting itself may be anything between 0 and 1."""

_HOW_MANY = {"batches": "Some batches", "all": "All pictures", "until": "Until reliable"}
_ESTIMATORS = {
    "exact": "Disables every filter in turn. The reference, and the slowest.",
    "first-order": "Takes the slope of the loss as each filter is turned down: one pass, but "
    "another quantity.",
    "combined": "Takes the slope on all training pictures, and puts it right by disabling the "
    "filters on a few.",
}
_DRAWN = (
    "estimator",
    "attention_batches",
    "attention_reliability",
    "attention_pictures",
    "faithfulness",
)
"""The settings that have a place of their own; the others are folded away."""


def settle(state: FormState) -> None:
    """Turn how many pictures are wanted into the settings that say so, before they are read."""
    how_many = state.current("how_many", "batches")
    batches, reliability = state.current("batches", AUTHORS_BATCHES), None
    if how_many == "all":
        batches = None
    elif how_many == "until":
        batches, reliability = state.get("least", 1), state.current("reliability", STABLE)
    state.keep("attention_batches", batches)
    state.keep("attention_reliability", reliability)
    state.keep("faithfulness", state.current("faithfulness", True))


def fill(state: FormState, config: RunConfig) -> None:
    """Fill the form in from a measurement's settings."""
    fill_from(state, config, measuring=True)
    of = config.attention
    if of.attention_reliability is not None:
        state.set("how_many", "until")
        state.set("reliability", of.attention_reliability)
        state.keep("least", of.attention_batches)
    elif of.attention_batches is None:
        state.set("how_many", "all")
    else:
        state.set("batches", of.attention_batches)


def draw(state: FormState, draft: Draft) -> None:
    """The fields; what is chosen stands in `state`."""
    infos = {info.name: info for info in attention_settings(measuring=True)}
    estimator = _choice(state, infos["estimator"])
    st.caption(_ESTIMATORS[estimator])
    how_many = st.segmented_control(
        "How many pictures",
        tuple(_HOW_MANY),
        default=state.get("how_many", "batches"),
        key=state.widget("how_many"),
        on_change=state.taking_over("how_many"),
        format_func=_HOW_MANY.__getitem__,
        required=True,
        help="The authors measure on 4 batches. More pictures make the error bars shorter; "
        "until reliable goes on until in every layer that share of the variance between "
        "filters is not noise, or the pictures run out.",
    )
    state.keep("how_many", how_many)
    if how_many == "batches":
        _number(state, "batches", "Batches", AUTHORS_BATCHES, 1, None, 1)
    elif how_many == "until":
        _reliability(state)
    elif draft.splits is not None:
        st.caption(f"{counted(len(draft.splits.train), 'training picture')}, each once.")
    for name in ("attention_batches", "attention_reliability"):
        error_beside(draft.errors, name)
    _choice(state, infos["attention_pictures"])
    on = st.checkbox(
        "Measure faithfulness too",
        value=bool(state.get("faithfulness", True)),
        key=state.widget("faithfulness"),
        on_change=state.taking_over("faithfulness"),
        help=infos["faithfulness"].help,
    )
    state.keep("faithfulness", on)
    error_beside(draft.errors, "faithfulness")
    rest = [info for info in infos.values() if info.name not in _DRAWN]
    settings_form(rest, state, errors=draft.errors, empty={}, title="More of the measurement")


def pictures_words(settings: AttentionSettings, train: int) -> str:
    """ "128 of 220 training pictures", as far as it is known before it is measured."""
    most = counted(train, "training picture")
    if settings.attention_reliability is not None:
        return f"at most {most}"
    batches, size = settings.attention_batches, settings.attention_batch_size
    if batches is None or batches * size >= train:
        return f"all {most}"
    return f"{count(batches * size)} of {most}"


def _choice(state: FormState, info: SettingInfo) -> str:
    """A setting of few choices as a row of buttons."""
    chosen = st.segmented_control(
        info.label,
        info.choices,
        default=state.get(info.name, info.default),
        key=state.widget(info.name),
        on_change=state.taking_over(info.name),
        format_func=lambda choice: info.choice_labels.get(choice, choice),
        required=True,
        help=help_text(info),
    )
    state.keep(info.name, chosen)
    return str(chosen)


def _reliability(state: FormState) -> None:
    """The field, and from how many batches on it counts where another measurement said so."""
    filled, least = state.get("reliability", STABLE), state.get("least", 1)
    low, high = min(LOWEST, filled), max(HIGHEST, filled)  # a value beyond them cannot be drawn
    _number(state, "reliability", "Reliability", STABLE, low, high, 0.05)
    if least is None:
        st.caption("On all training pictures at least, so it stops no sooner.")
    elif least > 1:
        st.caption(f"On {counted(least, 'batch', 'batches')} at least.")


def _number(
    state: FormState, key: str, label: str, first: Any, low: Any, high: Any, step: Any
) -> None:
    value = st.number_input(
        label,
        low,
        high,
        value=state.get(key, first),
        step=step,
        format="%g" if isinstance(step, float) else "%d",
        key=state.widget(key),
        on_change=state.taking_over(key),
        width=150,
    )
    state.keep(key, value)

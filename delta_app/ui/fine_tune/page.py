"""The Fine-tune page: three steps, the panel, and the bar that starts the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from delta_app.data.records import DatasetCheck
from delta_app.errors import DeltaAppError
from delta_app.models.catalog import backbone
from delta_app.regularizers import method
from delta_app.services import companions, datasets, runs
from delta_app.services.background import InBackground
from delta_app.ui import navigation
from delta_app.ui.fine_tune import download
from delta_app.ui.fine_tune.backbone_step import backbone_step
from delta_app.ui.fine_tune.draft import Draft, draft_of
from delta_app.ui.fine_tune.method_step import method_step
from delta_app.ui.fine_tune.panel import panel, summary
from delta_app.ui.fine_tune.pictures_step import pictures_step
from delta_app.ui.fine_tune.values import fill_from, form
from delta_app.ui.messages import error_box, plain, variant_chip
from delta_app.ui.session import FormState
from delta_app.ui.watching import watch

TITLES = {1: "Pictures", 2: "Backbone", 3: "Method"}
_FILLED = "fine-tune:filled"


def draw() -> None:
    """Draw the page."""
    state = form()
    filled = _fill_from_address(state)
    draft = draft_of(state)
    if filled:
        _open_what_is_wrong(state, draft)
    _keep_in_address(draft)
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(gap="xsmall"):
        for number in TITLES:
            _step(state, draft, number)
    with right, st.container(key="stays"):
        panel(draft)
    with st.bottom:
        _start_bar(state, draft)


# What the address asks for


def _fill_from_address(state: FormState) -> bool:
    """Fill the form in where the address names a run or a folder, once for each address.

    Returns:
        Whether a run's settings were filled in just now.
    """
    run_id, data = navigation.query("from"), navigation.query("data")
    asked = (run_id, data)
    if st.session_state.get(_FILLED) == asked or asked == (None, None):
        return False
    st.session_state[_FILLED] = asked
    if run_id is not None:
        try:
            config = companions.config_of(runs.get_run(run_id))
        except DeltaAppError as error:
            error_box(error)
            return False
        if config is None:
            st.error("The settings of that run are of another version and cannot be filled in.")
            return False
        fill_from(state, config)
        for step in TITLES:
            state.set(_open_key(step), step == 3)
    if data is not None:
        state.set("data", data)
    return run_id is not None


def _open_what_is_wrong(state: FormState, draft: Draft) -> None:
    """Unfold the steps that cannot be as that run had them, so that the reason is read."""
    for number in TITLES:
        if draft.is_wrong(number):
            state.set(_open_key(number), True)


def _keep_in_address(draft: Draft) -> None:
    """Put the folder into the address, so that a reload shows the same."""
    if draft.pictures.usable and navigation.query("data") != draft.values["data"]:
        navigation.show_in_address({"data": draft.values["data"]})
        st.session_state[_FILLED] = (navigation.query("from"), draft.values["data"])


# The steps


def _step(state: FormState, draft: Draft, number: int) -> None:
    """One step: its line, and beneath it, while it is open, what can be chosen.

    Not an expander: one whose label changes with what is chosen in it is another expander to
    Streamlit, closed and without the focus that was in it.
    """
    open_now = bool(state.current(_open_key(number), number == 1))
    words = _summary(draft, number)
    wrong = draft.is_wrong(number)
    title = f"**{number} {TITLES[number]}**"
    if wrong:
        label = f":red[:material/error:] {title} · :red[to correct]"
    elif words:
        label = f":primary[:material/check_circle:] {title} · {words}"
    else:
        label = f":gray[:material/circle:] {title}"
    toggle: dict[str, Any] = {
        "type": "tertiary",
        "on_click": state.set,
        "args": (_open_key(number), not open_now),
    }
    with st.container(border=True, key=f"folding-{number}", gap="small"):
        with st.container(
            horizontal=True,
            horizontal_alignment="distribute",
            vertical_alignment="center",
            wrap=False,
        ):
            st.button(label, key=f"step:{number}", **toggle)
            chevron = "expand_less" if open_now else "expand_more"
            text = f"{'Fold' if open_now else 'Unfold'} {TITLES[number].lower()}"
            st.button(f":material/{chevron}:", key=f"fold:{number}", help=text, **toggle)
        if not open_now:
            return
        if number == 1:
            pictures_step(state, draft)
        elif number == 2:
            backbone_step(state, draft.errors, draft.weights)
        else:
            method_step(state, draft.errors)
        if number < len(TITLES):
            _continue(state, draft, number)


def _open_key(number: int) -> str:
    return f"open:{number}"


def _summary(draft: Draft, number: int) -> str:
    """What was chosen in a step, in a line; empty while it is not complete."""
    values = draft.values
    if number == 1:
        check = draft.pictures.check
        if check is None or draft.splits is None:
            return ""
        return f"{plain(check.name)} · {plain(summary(check, draft.splits))}"
    if number == 2:
        if not values["backbone"] or draft.weights.check is None:
            return ""
        entry = backbone(values["backbone"])
        weights = {"default": "torchvision's weights", "random": "random weights"}
        side = values["image_size"] or entry.input_size
        said = weights.get(values["weights"], values["weights"].rsplit("/", 1)[-1])
        return f"{plain(entry.label)} · {plain(said)} · {side} px"
    kind = method(values["method"])
    name = kind.label
    if draft.config is not None:
        name = draft.config.variant.label
        color = draft.config.variant.color
    else:
        color = kind.color
    training = f"{values['epochs']} epochs, batch {values['batch_size']}, rate {values['lr']:g}"
    return f"{variant_chip(name, color)} · {training}"


def _continue(state: FormState, draft: Draft, number: int) -> None:
    """Fold this step and open the next, once this one is complete."""
    if _summary(draft, number) and not draft.is_wrong(number):
        st.button(
            f"Continue to {TITLES[number + 1].lower()}",
            key=f"continue:{number}",
            icon=":material/arrow_downward:",
            on_click=_open_next,
            args=(state, number),
        )


def _open_next(state: FormState, number: int) -> None:
    state.set(_open_key(number), False)
    state.set(_open_key(number + 1), True)


# Starting


def _start_bar(state: FormState, draft: Draft) -> None:
    task = download.going_on()
    if task is not None and not task.finished:
        watch(task, "download", download.words)
        return
    missing = draft.missing()
    words, buttons = st.columns([3, 2], vertical_alignment="center", gap="medium")
    with words:
        _outlook(draft, missing)
    with buttons:
        three, one = st.columns([2, 3])
        compare = three.button(
            "Compare all three",
            key="start-all",
            disabled=bool(missing),
            width="stretch",
            help="L2, L2-SP and DELTA on the same pictures, backbone and training, queued one "
            "after the other.",
        )
        start = one.button(
            missing or "Start",
            key="start",
            type="primary",
            disabled=bool(missing),
            width="stretch",
        )
    if start:
        _start(draft, all_three=False)
    elif compare:
        _start(draft, all_three=True)
    elif task is not None:
        _start_downloaded(draft, task)


def _outlook(draft: Draft, missing: str) -> None:
    """What Start will do, and how long it will take."""
    if missing or draft.config is None:
        complete = sum(bool(_summary(draft, n)) and not draft.is_wrong(n) for n in TITLES)
        st.caption(f"{complete} of {len(TITLES)} steps are complete.")
        return
    entry = backbone(draft.config.model.backbone)
    variant = draft.config.variant
    check: DatasetCheck | None = draft.pictures.check
    said = f"{plain(entry.label)} by {variant_chip(variant.label, variant.color)}"
    if check is not None:
        said += f" on {plain(check.name)}"
    if draft.estimate is not None:
        said += f" · {plain(draft.estimate.words())}"
    st.markdown(said)


def _start(draft: Draft, *, all_three: bool) -> None:
    """Queue the run, or one by each compared method; what is missing is downloaded first."""
    if draft.weights.to_download:
        download.begin(draft.values, all_three=all_three)
        st.rerun()
    _queue(draft, all_three=all_three)


def _start_downloaded(draft: Draft, task: InBackground[Path]) -> None:
    """Go on with what the download was for, unless the form has become another."""
    all_three = download.end(draft.values, task)
    if task.error is not None or task.cancelled:
        st.rerun()
    if all_three is not None and not draft.missing():
        _queue(draft, all_three=all_three)


def _queue(draft: Draft, *, all_three: bool) -> None:
    if draft.config is None:
        return
    try:
        compared = companions.by_compared_methods(draft.values) if all_three else ()
        ids = companions.queue(compared or (draft.config,))
    except DeltaAppError as error:
        error_box(error)
        return
    datasets.remember_folder(draft.config.data.data)
    navigation.open_run(ids[0])

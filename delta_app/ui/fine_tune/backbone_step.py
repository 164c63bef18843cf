"""Step 2: the pretrained network, its starting weights, and the layers that are held."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.services import backbones
from delta_app.training.run_config import setting_groups
from delta_app.ui.browser import browse_button
from delta_app.ui.fine_tune import download
from delta_app.ui.fine_tune.values import FILE, first_backbone, layers_key
from delta_app.ui.fine_tune.weights import WeightsState, check_again
from delta_app.ui.messages import error_beside, plain
from delta_app.ui.session import FormState
from delta_app.ui.settings_form import help_text, setting_widget
from delta_app.ui.watching import watch

_FROM_LABELS = {
    "default": "torchvision's ImageNet weights",
    FILE: "A file of my own",
    "random": "Random",
}


def backbone_step(
    state: FormState, errors: Mapping[str, DeltaAppError], weights: WeightsState
) -> None:
    """Draw the step; what is chosen stands in `state`."""
    infos = {info.name: info for info in setting_groups("l2")["model"]}
    left, right = st.columns([3, 1])
    with left:
        entries = {entry.name: entry for entry in backbones.search()}
        chosen = state.get("backbone", first_backbone())
        name = st.selectbox(
            infos["backbone"].label,
            list(entries),
            key=state.widget("backbone"),
            on_change=state.taking_over("backbone"),
            index=list(entries).index(chosen) if chosen in entries else None,
            format_func=lambda n: f"{entries[n].label} · {backbones.words_of(entries[n])}",
            placeholder=f"Search {len(entries)} networks by name",
            help=infos["backbone"].help,
        )
        state.keep("backbone", name)
    with right:
        own_size = str(entries[name].input_size) if name in entries else ""
        setting_widget(infos["image_size"], state, placeholder=own_size)
    error_beside(errors, "backbone")
    error_beside(errors, "image_size")
    _weights(state, errors, weights)
    if name in entries:
        _layers(state, errors, str(name))


def _weights(state: FormState, errors: Mapping[str, DeltaAppError], found: WeightsState) -> None:
    info = next(i for i in setting_groups("l2")["model"] if i.name == "weights")
    word = st.segmented_control(
        info.label,
        list(_FROM_LABELS),
        key=state.widget("weights:from"),
        on_change=state.taking_over("weights:from"),
        default=state.get("weights:from", "default"),
        format_func=lambda word: _FROM_LABELS[word],
        required=True,
        help="torchvision's are downloaded once. A file may be .pth, .pt or .safetensors, its "
        "weights nested under state_dict or model. Random starts from nothing.",
    )
    state.keep("weights:from", word)
    if word == FILE:
        path_column, button_column = st.columns([5, 1], vertical_alignment="bottom")
        with path_column:
            path = st.text_input(
                "Weights file",
                value=state.get(f"weights:{FILE}", ""),
                key=state.widget(f"weights:{FILE}"),
                on_change=state.taking_over(f"weights:{FILE}"),
                placeholder="Type or paste the path of a .pth, .pt or .safetensors file",
                label_visibility="collapsed",
            )
            state.keep(f"weights:{FILE}", path)
        with button_column:
            browse_button(state, f"weights:{FILE}", title="Choose a weights file", for_weights=True)
    error_beside(errors, "weights")
    if "weights" not in errors:
        _report(found)
    elif found.to_download:
        st.button("Try the download again", key="retry", on_click=download.forget_failure)


def _report(found: WeightsState) -> None:
    if found.task is not None and found.task.cancelled:
        st.caption("The file was not checked.")
        st.button("Check it", on_click=check_again)
    elif found.task is not None:
        watch(found.task, "weights", lambda _done, _total: "Reading the file")
    elif found.check is not None and not found.check.complete:
        st.warning(plain(found.check.words), icon=":material/warning:")
    elif found.check is not None:
        icon = "download" if found.to_download else "check"
        st.caption(f":material/{icon}: {plain(found.check.words)}")


def _layers(state: FormState, errors: Mapping[str, DeltaAppError], backbone: str) -> None:
    info = next(i for i in setting_groups("l2")["model"] if i.name == "behaviour_layers")
    choice = backbones.layers_of(backbone)
    key = layers_key(backbone)
    changed = bool(state.current(key))
    label = "Behaviour layers" + (" · changed" if changed else "")
    with st.expander(label, type="compact", key="fold:behaviour-layers"):
        layers = st.multiselect(
            info.label,
            choice.candidates,
            default=[layer for layer in state.get(key, []) if layer in choice.candidates],
            key=state.widget(key),
            on_change=state.taking_over(key),
            placeholder=", ".join(choice.default),
            help=help_text(info),
            label_visibility="collapsed",
        )
        state.keep(key, layers)
        st.caption(f"Empty holds {plain(', '.join(choice.default))}.")
    error_beside(errors, "behaviour_layers")

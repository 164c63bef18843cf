"""Browsing this computer's folders in a dialog, for a folder of pictures or a weights file."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.formatting import count, counted
from delta_app.services import datasets
from delta_app.services.weights_files import weights_files_in
from delta_app.ui.messages import error_box, plain
from delta_app.ui.session import FormState

_HERE = "browser:here"
MOST_SHOWN = 200


def browse_button(state: FormState, key: str, *, title: str, for_weights: bool = False) -> None:
    """A button that opens the browser; what is chosen becomes the form's value of `key`."""
    if st.button("Browse", key=f"browse:{key}", icon=":material/folder_open:", width="stretch"):
        st.session_state[_HERE] = _starting_point(str(state.current(key) or ""))
        st.dialog(title, width="medium")(_browser)(state, key, for_weights)


def _starting_point(text: str) -> str | None:
    """Near what is chosen now or was used before; None where none of it may be browsed."""
    chosen = Path(text).expanduser()
    near = list(chosen.parents) if text and chosen.is_absolute() else []
    near += [folder.parent for folder in datasets.recent_folders()]
    return next((str(folder) for folder in near if datasets.may_browse(folder)), None)


def _browser(state: FormState, key: str, for_weights: bool) -> None:
    """The dialog: where one is, the folders in it, and what can be taken here."""
    found = _found()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Up",
            icon=":material/arrow_upward:",
            disabled=found.parent is None,
            on_click=_go_to,
            args=(str(found.parent),),
        )
        st.markdown(f"**{plain(str(found.folder))}**")
    files = weights_files_in(found.folder) if for_weights else ()
    with st.container(height=340, gap=None):
        _folders(found)
        for file in files[:MOST_SHOWN]:
            label, icon = plain(file.name), ":material/draft:"
            if st.button(label, key=f"browser:{file}", icon=icon, type="tertiary"):
                _take(state, key, file)
        if not found.folders and not files:
            st.caption("Nothing to choose in here.")
    _places(found)
    if not for_weights:
        inside = f" · {counted(found.pictures, 'picture')} directly in it" if found.pictures else ""
        name = plain(found.folder.name or str(found.folder))
        if st.button(f"Choose {name}{inside}", type="primary", width="stretch"):
            _take(state, key, found.folder)


def _found() -> datasets.Browsed:
    try:
        return datasets.browse(st.session_state[_HERE])
    except DeltaAppError as error:
        if st.session_state[_HERE] is not None:  # a place outside what may be browsed is no error
            error_box(error)
        return datasets.browse()


def _folders(found: datasets.Browsed) -> None:
    for entry in found.folders[:MOST_SHOWN]:
        pictures = f" :gray[· {counted(entry.pictures, 'picture')}]" if entry.pictures else ""
        st.button(
            f"{plain(entry.name)}{pictures}",
            key=f"browser:{entry.path}",
            icon=":material/folder:",
            type="tertiary",
            on_click=_go_to,
            args=(str(entry.path),),
        )
    if len(found.folders) > MOST_SHOWN:
        st.caption(
            f"{count(len(found.folders) - MOST_SHOWN)} more folders: type the path to reach them."
        )


def _places(found: datasets.Browsed) -> None:
    """Shortcuts to where browsing may start."""
    with st.container(horizontal=True, gap="medium"):
        for root in found.roots:
            label = "Home" if root == Path.home() else str(root)
            st.button(
                plain(label),
                key=f"browser:root:{root}",
                icon=":material/home:" if root == Path.home() else ":material/hard_drive:",
                type="tertiary",
                on_click=_go_to,
                args=(str(root),),
            )


def _go_to(folder: str) -> None:
    st.session_state[_HERE] = folder


def _take(state: FormState, key: str, path: Path) -> None:
    state.set(key, str(path))
    st.rerun()

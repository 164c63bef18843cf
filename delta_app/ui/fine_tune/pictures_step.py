"""Step 1: the folder of pictures and how it is split."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from delta_app.data.records import SPLIT_WORDS
from delta_app.services import datasets
from delta_app.training.run_config import setting_groups
from delta_app.ui.browser import browse_button
from delta_app.ui.fine_tune.draft import Draft
from delta_app.ui.messages import error_beside, plain, problem_text
from delta_app.ui.session import FormState
from delta_app.ui.settings_form import settings_form

MOST_RECENT = 4


def pictures_step(state: FormState, draft: Draft) -> None:
    """Draw the step; what is chosen stands in `state`."""
    _folder(state, draft)
    if not draft.pictures.usable or draft.pictures.check is None:
        return
    given = draft.pictures.check.given
    hidden = {
        f"{split}_fraction" for split in ("val", "test") if split in given
    }  # a share that would do nothing is not asked for
    if hidden:
        words = " and ".join(SPLIT_WORDS[s] for s in ("val", "test") if s in given)
        st.caption(f"The folder has its own {words} pictures.")
    infos = [info for info in setting_groups("l2")["data"] if info.name not in ("data", *hidden)]
    settings_form(
        infos,
        state,
        errors=draft.errors,
        empty={"per_class": "all"},
        title="More of the split",
    )


def _folder(state: FormState, draft: Draft) -> None:
    left, right = st.columns([5, 1], vertical_alignment="bottom")
    with left:
        path = st.text_input(
            "Folder of pictures",
            value=state.get("data", ""),
            key=state.widget("data"),
            placeholder="Type or paste the path of a folder",
            label_visibility="collapsed",
        )
        state.keep("data", path)
    with right:
        browse_button(state, "data", title="Choose a folder of pictures")
    error_beside(draft.errors, "data")
    _problems(state, draft)
    recent = [folder for folder in datasets.recent_folders() if str(folder) != str(path)]
    if recent and not draft.pictures.usable:
        _recent(state, recent[:MOST_RECENT])


def _recent(state: FormState, folders: list[Path]) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption("Used before", width="content")
        for folder in folders:
            st.button(
                plain(folder.name or str(folder)),
                key=f"recent:{folder}",
                icon=":material/folder:",
                type="tertiary",
                help=plain(str(folder)),
                on_click=state.set,
                args=("data", str(folder)),
            )


def _problems(state: FormState, draft: Draft) -> None:
    """What makes the folder unusable, with the folder that would be right."""
    if draft.pictures.check is None or draft.pictures.usable:
        return
    for place, problem in enumerate(draft.pictures.check.problems):
        if problem.level != "error":
            continue
        st.error(problem_text(problem))
        if problem.suggestion:
            st.button(
                f"Use {plain(problem.suggestion)}",
                key=f"suggestion:{place}",
                icon=":material/subdirectory_arrow_right:",
                on_click=state.set,
                args=("data", problem.suggestion),
            )

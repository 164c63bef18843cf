"""A strip of small pictures of a run, one of which is chosen; the address keeps the choice."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import lru_cache
from zlib import crc32

import streamlit as st

from delta_app.data.records import Picture
from delta_app.errors import DatasetError
from delta_app.services import allowed
from delta_app.services.datasets import thumbnail
from delta_app.services.run_pictures import RunPicture, RunPictures
from delta_app.ui import navigation
from delta_app.ui.messages import plain
from delta_app.ui.run_choice import choice_key, keep

SIDE = 112
"""Px of a thumbnail's longer side; drawn at half of it, so that it stays sharp."""

AT_ONCE = 12


def choose_picture(run_id: str, found: RunPictures) -> RunPicture:
    """The strip, and arrows to the pictures beyond its ends."""
    ordered = spread_over_classes(found)
    keys = [picture.key for picture in ordered]
    base = choice_key(run_id, "picture")
    turns, page_key = f"{base}:turns", f"{base}:page"
    asked = st.session_state.pop(base, None)
    if asked in keys:  # from outside the strip, which takes it as a new strip's first choice
        st.session_state[turns] = st.session_state.get(turns, 0) + 1
        st.session_state[page_key] = _page_of(keys, asked)
    current = str(asked) if asked in keys else _of_address(keys)
    page, pages = st.session_state.setdefault(page_key, _page_of(keys, current)), _pages(keys)
    here = {each.key: each for each in ordered[(page - 1) * AT_ONCE : page * AT_ONCE]}
    key = f"{base}:{st.session_state.get(turns, 0)}:{crc32(' '.join(here).encode())}"
    start = _start(key, current if current in here else next(iter(here)))
    with st.container(horizontal=True, vertical_alignment="center", key="run_strip"):
        chosen = st.segmented_control(
            "Picture",
            tuple(here),
            default=start,
            key=key,
            required=True,
            format_func=lambda key: _small(here[key]),
            label_visibility="collapsed",
            wrap=False,
        )
        if pages > 1:
            _arrow("left", page_key, page - 1, pages)
            _arrow("right", page_key, page + 1, pages)
    picture = here[chosen or start]
    keep("picture", picture.key, keys[0])
    return picture


def _of_address(keys: Sequence[str]) -> str:
    wanted = navigation.query("picture")
    return wanted if wanted is not None and wanted in keys else keys[0]


def _start(key: str, current: str) -> str:
    """What the strip begins with, the same for as long as it is drawn."""
    kept = f"{key}:begin"
    if key not in st.session_state or kept not in st.session_state:
        st.session_state[kept] = current
    return str(st.session_state[kept])


def _page_of(keys: Sequence[str], key: str) -> int:
    return 1 + keys.index(key) // AT_ONCE


def _pages(keys: Sequence[str]) -> int:
    return -(-len(keys) // AT_ONCE)


def _arrow(side: str, page_key: str, page: int, pages: int) -> None:
    words = {"left": "Pictures before", "right": "More pictures"}[side]
    st.button(
        f":material/chevron_{side}:",
        key=f"{page_key}:{side}",
        help=f"{words} these: part {min(max(page, 1), pages)} of {pages}",
        type="tertiary",
        disabled=not 1 <= page <= pages,
        on_click=_turn_to,
        args=(page_key, page),
    )


def _turn_to(page_key: str, page: int) -> None:
    st.session_state[page_key] = page


def spread_over_classes(found: RunPictures) -> tuple[RunPicture, ...]:
    """All pictures, split by split, each class in turn: the first few show what there is."""
    ordered: list[RunPicture] = []
    for split in found.splits():
        by_class: dict[str, list[RunPicture]] = {}
        for picture in found.select(split):
            by_class.setdefault(picture.true_class, []).append(picture)
        classes = list(by_class.values())
        for turn in range(max(map(len, classes))):
            ordered += [each[turn] for each in classes if turn < len(each)]
    return tuple(ordered)


def _small(picture: RunPicture) -> str:
    """Markdown of the thumbnail; its text is what those hear who do not see it."""
    words = plain(f"{picture.true_class}, {picture.picture.relative}")
    # Judged each time, not kept: what may be read is another matter than what was read.
    refused = allowed.refusal([picture.picture.path])
    return f"![{words}]({_GONE if refused else _as_address(picture.picture)})"


@lru_cache(maxsize=1024)
def _as_address(picture: Picture) -> str:
    """The thumbnail as a data address; a grey square where the file is gone."""
    buffer = io.BytesIO()
    try:
        thumbnail(picture, SIDE).save(buffer, "JPEG", quality=80)
    except DatasetError:
        return _GONE
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


_GONE = (
    "data:image/svg+xml;base64,"
    + base64.b64encode(
        b'<svg xmlns="http://www.w3.org/2000/svg" width="56" height="56">'
        b'<rect width="56" height="56" fill="#8A8F98"/></svg>'
    ).decode()
)

"""A strip of small pictures of a run, one of which is chosen; the address keeps the choice."""

from __future__ import annotations

import base64
import io
from functools import lru_cache

import streamlit as st

from delta_app.data.records import Picture
from delta_app.errors import DatasetError
from delta_app.services.datasets import thumbnail
from delta_app.services.run_pictures import RunPicture, RunPictures
from delta_app.ui.run_choice import keep, seeded

SIDE = 112
"""Px of a thumbnail's longer side; drawn at half of it, so that it stays sharp."""

AT_ONCE = 12


def choose_picture(run_id: str, found: RunPictures) -> RunPicture:
    """The strip, and arrows to the pictures beyond its ends."""
    ordered = spread_over_classes(found)
    keys = [picture.key for picture in ordered]
    pages = -(-len(keys) // AT_ONCE)
    wanted = seeded(run_id, "picture", keys, keys[0])
    page_key = f"{wanted}:page"
    if page_key not in st.session_state:
        st.session_state[page_key] = 1 + keys.index(st.session_state[wanted]) // AT_ONCE
    with st.container(horizontal=True, vertical_alignment="center", key="run_strip"):
        here = _page(ordered, st.session_state[page_key])
        if st.session_state[wanted] not in {picture.key for picture in here}:
            st.session_state[wanted] = here[0].key
        by_key = {picture.key: picture for picture in here}
        chosen = st.segmented_control(
            "Picture",
            tuple(by_key),
            key=wanted,
            required=True,
            format_func=lambda key: _small(by_key[key]),
            label_visibility="collapsed",
            wrap=False,
        )
        if pages > 1:
            st.pagination(pages, key=page_key, max_visible_pages=0)
    picture = by_key[chosen or here[0].key]
    keep("picture", picture.key, keys[0])
    return picture


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


def _page(ordered: tuple[RunPicture, ...], page: int) -> tuple[RunPicture, ...]:
    return ordered[(page - 1) * AT_ONCE : page * AT_ONCE]


def _small(picture: RunPicture) -> str:
    """Markdown of the thumbnail; its text is what those hear who do not see it."""
    words = f"{picture.true_class}, {picture.picture.relative}"
    for sign in "[]()\\":
        words = words.replace(sign, " ")
    return f"![{words}]({_as_address(picture.picture)})"


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

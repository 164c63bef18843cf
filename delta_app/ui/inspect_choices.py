"""Which picture is looked at: from a split, by class and by answer, or one of the person's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.formatting import count
from delta_app.runs.records import RunRecord
from delta_app.services.inspection import LookedAt, from_split, uploaded
from delta_app.services.looked_at import MOST_MEGABYTES
from delta_app.services.run_pictures import (
    SPLIT_LABELS,
    RunPicture,
    RunPictures,
    Verdict,
    pictures_of,
)
from delta_app.ui import run_strip
from delta_app.ui.messages import error_box, plain
from delta_app.ui.run_choice import choose, keep, seeded

UPLOAD = "upload"
ALL = "all"

_FILES = ("jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "gif", "avif")
_ANSWERS = {ALL: "All answers", "right": "Right", "wrong": "Wrong"}


@dataclass(frozen=True)
class Source:
    """Where the picture is taken from: a selection of the run's own, or None for an upload."""

    pictures: RunPictures | None
    words: str = ""


def choose_source(record: RunRecord) -> Source:
    """Split, class and answer, side by side; filters that cannot apply are not there.

    Raises:
        RunError: the run's pictures cannot be read.
    """
    found = pictures_of(record)
    splits = found.splits()
    origin = choose(
        record.id,
        "from",
        (*splits, UPLOAD),
        label="Pictures",
        words={**SPLIT_LABELS, UPLOAD: "Upload"}.__getitem__,
    )
    if origin == UPLOAD:
        return Source(None)
    true_class = _choose_class(record, found)
    verdict = _choose_verdict(record, found, origin)
    selected = found.select(
        origin,
        None if true_class == ALL else true_class,
        None if verdict == ALL else cast(Verdict, verdict),
    )
    words = f"{_ANSWERS[verdict].lower() if verdict != ALL else ''} {SPLIT_LABELS[origin].lower()}"
    of_class = "" if true_class == ALL else f" of {true_class}"
    return Source(RunPictures(found.classes, selected), f"{words.strip()} picture{of_class}")


def choose_picture(record: RunRecord, source: Source) -> LookedAt | None:
    """The strip, or the place to drop a file; None while there is nothing to look at."""
    if source.pictures is None:
        return _upload()
    if not source.pictures.pictures:
        st.info(
            f"There is no {plain(source.words)}. Choose another class or other answers.",
            icon=":material/filter_alt_off:",
        )
        return None
    with st.container(horizontal=True, vertical_alignment="center"):
        _step_buttons(record.id, run_strip.spread_over_classes(source.pictures))
        picture = run_strip.choose_picture(record.id, source.pictures)
    return from_split(picture)


def _choose_class(record: RunRecord, found: RunPictures) -> str:
    options = (ALL, *found.classes)
    key = seeded(record.id, "class", options, ALL)
    chosen = st.selectbox(
        "Class",
        options,
        key=key,
        format_func=lambda name: "All classes" if name == ALL else name,
        label_visibility="collapsed",
        width=150,
    )
    keep("class", chosen, ALL)
    return chosen


def _choose_verdict(record: RunRecord, found: RunPictures, split: str) -> str:
    """Right or wrong; a split without answers has no such choice."""
    if not found.select(split, verdict="right") and not found.select(split, verdict="wrong"):
        return ALL
    counts = {
        ALL: "",
        "right": f" {count(len(found.select(split, verdict='right')))}",
        "wrong": f" {count(len(found.select(split, verdict='wrong')))}",
    }
    return choose(
        record.id,
        "answers",
        tuple(_ANSWERS),
        label="Answers",
        words=lambda name: f"{_ANSWERS[name]}{counts[name]}",
    )


def _step_buttons(run_id: str, ordered: tuple[RunPicture, ...]) -> None:
    keys = tuple(picture.key for picture in ordered)
    for words, shortcut, by in (("Previous picture", "Left", -1), ("Next picture", "Right", 1)):
        st.button(
            "",
            key=f"inspect:step:{by}",
            help=f"{words} ({shortcut.lower()} arrow key)",
            shortcut=shortcut,
            on_click=_step,
            args=(run_id, keys, by),
        )


def _step(run_id: str, keys: tuple[str, ...], by: int) -> None:
    """Go to a neighbour, and turn the strip to where it stands; the ends meet."""
    key = seeded(run_id, "picture", keys, keys[0])
    place = (keys.index(st.session_state[key]) + by) % len(keys)
    st.session_state[key] = keys[place]
    st.session_state[f"{key}:page"] = 1 + place // run_strip.AT_ONCE


def _upload() -> LookedAt | None:
    file = st.file_uploader(
        "A picture of your own",
        type=list(_FILES),
        key="inspect:upload",
        label_visibility="collapsed",
        max_upload_size=MOST_MEGABYTES,
    )
    if file is None:
        st.info(
            "Drop a picture here to see what the network makes of it. It is not kept.",
            icon=":material/upload:",
        )
        return None
    try:
        return uploaded(file.name, file.getvalue())
    except DeltaAppError as error:
        error_box(error)
        return None

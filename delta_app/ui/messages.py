"""How errors, problems and names are shown: what happened, where, what to do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import ParamSpec

import streamlit as st

from delta_app.data.names import printable
from delta_app.data.records import Problem
from delta_app.errors import DeltaAppError, StoreError

P = ParamSpec("P")

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~<>$:&=-])")
_NUMBERED = re.compile(r"^(\d+)\.")
_BREAKS = re.compile(r"[ \t\n\r\v\f\x85\u2028\u2029]+")


def plain(text: str) -> str:
    """`text` so that Markdown shows it as it is: names and paths may hold any character.

    It becomes one line, since a line break can begin a list, a heading or code. Text that runs from
    right to left is kept apart, so that it does not turn the words around it.
    """
    shown = printable(_BREAKS.sub(" ", text))
    escaped = _NUMBERED.sub(r"\1\\.", _MARKDOWN.sub(r"\\\1", shown))
    if not shown.isascii() and any(unicodedata.bidirectional(c) in ("R", "AL") for c in shown):
        return f"\u2068{escaped}\u2069"
    return escaped


def variant_chip(label: str, color: str) -> str:
    """Markdown of a method's name behind a dot in its colour; fits captions and labels too."""
    return f':color[●]{{foreground="{color}"}} {plain(label)}'


def error_box(error: DeltaAppError) -> None:
    """An error with its cure, in the page's flow, where it happened."""
    st.error(error_text(error))


def store_trouble_said(draw: Callable[P, None]) -> Callable[P, None]:
    """The same part of a page; a store that cannot be used now is said in its place, with the cure.

    For every part that is drawn again by itself: what it raises passes the page by.
    """

    @wraps(draw)
    def drawn(*args: P.args, **named: P.kwargs) -> None:
        try:
            draw(*args, **named)
        except StoreError as error:
            error_box(error)

    return drawn


def error_text(error: DeltaAppError) -> str:
    """Markdown of an error: the message, then the cure in its own sentence."""
    message = error.message[:1].upper() + error.message[1:]
    return f"{plain(message)} {plain(error.cure)}".strip()


def problem_text(problem: Problem) -> str:
    """Markdown of a folder's problem: its title, what was found, what to do."""
    parts = (f"**{plain(problem.title)}**", plain(problem.message), plain(problem.cure))
    return " ".join(part for part in parts if part)


def field_errors(errors: Iterable[DeltaAppError]) -> dict[str, DeltaAppError]:
    """The first error of each field, to be shown beside it."""
    by_field: dict[str, DeltaAppError] = {}
    for error in errors:
        by_field.setdefault(error.field or "", error)
    return by_field


def error_beside(errors: Mapping[str, DeltaAppError], field: str) -> None:
    """The error of a field, right under its widget; nothing where it has none."""
    if field in errors:
        st.error(error_text(errors[field]), icon=":material/error:")

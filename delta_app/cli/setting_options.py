"""One option of the command line made from one setting.

An option that was not typed is absent from the parsed namespace, so that `--config` can tell
what overrides what.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from delta_app.settings import SettingInfo

EMPTY = "none"
"""What to type for a setting that may be empty."""

PATHS: dict[str, tuple[str, ...]] = {
    "data": (),
    "weights": ("default", "random"),
    "attention": ("learned", "uniform", "shuffled"),
}
"""Settings that hold a path, and the words they may hold instead."""


def add_option(section: Any, info: SettingInfo, notes: Sequence[str] = ()) -> None:
    """Add a setting's option to a parser or a group of one.

    Args:
        notes: said behind the help text: range, default, which methods have it.
    """
    text = f"{info.help} [{'; '.join(notes)}]" if notes else info.help
    common: dict[str, Any] = {
        "dest": info.name,
        "default": argparse.SUPPRESS,
        "help": text.replace("%", "%%"),
    }
    if info.kind == "bool":
        section.add_argument(info.flag, action=argparse.BooleanOptionalAction, **common)
    elif info.kind == "choice":
        section.add_argument(info.flag, choices=info.choices, **common)
    else:
        section.add_argument(info.flag, type=_converter(info), metavar=_metavar(info), **common)


def typed(options: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """Setting name -> value, of the options that were typed; paths made absolute."""
    values = {name: getattr(options, name) for name in names if hasattr(options, name)}
    for name, words in PATHS.items():
        value = values.get(name)
        if isinstance(value, str) and value and value not in words:
            values[name] = os.path.abspath(os.path.expanduser(value))
    return values


def say(value: Any) -> str:
    """A setting's value as it is typed."""
    if value is None:
        return EMPTY
    return f"{value:g}" if isinstance(value, float) else str(value)


def _metavar(info: SettingInfo) -> str:
    if info.name in PATHS:
        return "|".join((*PATHS[info.name], "DIR" if info.name == "data" else "FILE"))
    return {"int": "N", "float": "X", "list": "A,B,..."}.get(info.kind, "TEXT")


def _converter(info: SettingInfo) -> Callable[[str], Any]:
    """Text -> the setting's value; its range is judged with all other settings, not here."""

    def convert(text: str) -> Any:
        if info.optional and text.strip().lower() == EMPTY:
            return None
        if info.kind == "list":
            return tuple(part.strip() for part in text.split(",") if part.strip())
        if info.kind == "text":
            return text
        try:
            return int(text) if info.kind == "int" else float(text)
        except ValueError:
            wanted = "a whole number" if info.kind == "int" else "a number"
            raise argparse.ArgumentTypeError(f"expected {wanted}, got {text!r}") from None

    return convert

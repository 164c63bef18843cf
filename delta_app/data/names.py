"""Which names in a folder are pictures, splits, or nothing to do with the pictures."""

from __future__ import annotations

import os
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from delta_app.data.records import SplitName

# fmt: off
PICTURE_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif",
    ".avif",
})

# Pictures too, but not ones that are read: named to the person, never passed over in silence.
OTHER_PICTURE_SUFFIXES = frozenset({
    ".heic", ".heif", ".jxl", ".jp2", ".j2k", ".psd", ".svg", ".tga", ".ppm", ".pgm", ".pnm",
    ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".exr", ".hdr",
    ".ico", ".dcm", ".eps",
})
# fmt: on

_SYSTEM_NAMES = frozenset(
    {
        "__macosx",
        "__pycache__",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "icon\r",
        "@eadir",
        "$recycle.bin",
        "#recycle",
        "system volume information",
        "lost+found",
    }
)

_SPLIT_NAMES: dict[str, SplitName] = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


def is_passed_over(name: str) -> bool:
    """Whether a file or folder is hidden, or the system's own."""
    return name.startswith(".") or name.casefold() in _SYSTEM_NAMES


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].casefold()


def is_picture(name: str) -> bool:
    """Whether a file's name ends like a picture's that is read, in any case."""
    return _suffix(name) in PICTURE_SUFFIXES


def is_other_picture(name: str) -> bool:
    """Whether a file's name ends like a picture's that is not read."""
    return _suffix(name) in OTHER_PICTURE_SUFFIXES


def split_of(name: str) -> SplitName | None:
    """The split that a folder of this name holds, in any case; None where it names none."""
    return _SPLIT_NAMES.get(name.casefold())


# Marks that turn the direction of what stands after them, beyond the name they are in.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(name: str) -> str:
    """The name with whatever cannot be seen, or is no valid text, written as escapes.

    So it stays on one line, turns no text around it and starts nothing in a terminal: a line break
    becomes the two characters `\\n`.
    """
    if name.isascii() and name.isprintable():
        return name
    return "".join(c if _is_shown(c) else _escaped(c) for c in name)


def _is_shown(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind not in ("Cc", "Cs", "Zl", "Zp") and character not in _TURNING


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def is_text(name: str) -> bool:
    """Whether a name is valid text; a file system may hold others, JSON and databases not."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True

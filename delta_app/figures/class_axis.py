"""An axis of classes: as many names as fit, long ones cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from delta_app.figures.base import AXIS_ROOM, as_text

LONGEST_NAME = 18

MOST_NAMED = 40
"""Beyond so many classes names would lie over one another: they are read on hover."""


def names_of_classes(classes: Sequence[str]) -> dict[str, Any]:
    """An x axis whose positions 0, 1, 2, ... are named after the classes, as far as they fit."""
    if len(classes) > MOST_NAMED:
        return {"showticklabels": False, "title": {"text": f"{len(classes)} classes"}}
    return {
        "tickvals": list(range(len(classes))),
        "ticktext": [class_label(name) for name in classes],
        "tickangle": -40 if _slanted(classes) else 0,
    }


def class_axis_room(classes: Sequence[str]) -> float:
    """Px that these names take below the plot, as `base_figure` wants to know them."""
    if len(classes) > MOST_NAMED or not _slanted(classes):
        return AXIS_ROOM
    longest = max(len(shortened(name)) for name in classes)
    return 26 + 4.2 * longest  # characters of about 6.5 px at 40 degrees


def _slanted(classes: Sequence[str]) -> bool:
    return len(classes) > 5


def class_label(name: str, longest: int = LONGEST_NAME) -> str:
    """A class's name for an axis: not too long, and as it stands."""
    return as_text(shortened(name, longest))


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """A long name cut in its middle, so that start and end still tell it apart."""
    if len(name) <= longest:
        return name
    head = longest // 2
    tail = longest - 1 - head
    return f"{name[:head]}…{name[-tail:]}"

"""Damage to JSON that leaves it JSON: what a hand, another version or a stranger makes of it."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

_ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 10**30, -(10**400), 1e308, float("nan"), float("inf"), "", "x" * 10_000,
    "../../../etc/passwd", "a\0b", "\ud800", "\u202egnp.exe", [], {}, [[]], {"a": {}}, [None] * 3,
    "<script>alert(1)</script>",
)  # fmt: skip
"""What stands in a place where it cannot be used."""


def damaged_json(chance: random.Random, value: Any) -> tuple[str, bytes]:
    """What was done, and the file: a place changed, taken away, doubled or nested."""
    way = chance.choice(("odd value", "odd value", "left out", "doubled", "nested", "not JSON"))
    if way == "not JSON":
        text = json.dumps(value)
        odd = chance.choice(("", "[" * 100_000, "{}" * 3, "nul", text.replace('"', "'"), text[:-1]))
        return way, odd.encode()
    value = copy.deepcopy(value)
    for _ in range(chance.randint(1, 3)):
        holder, place = _somewhere(chance, value)
        if holder is None:
            value = chance.choice(_ODD)
            break
        _change(chance, holder, place, way)
    return way, json.dumps(value).encode()


def _change(chance: random.Random, holder: Any, place: Any, way: str) -> None:
    match way:
        case "left out":
            del holder[place]
        case "doubled" if isinstance(holder, list):
            holder.insert(place, copy.deepcopy(holder[place]))
        case "nested":
            holder[place] = [holder[place]]
        case _:
            holder[place] = chance.choice(_ODD)


def _somewhere(chance: random.Random, value: Any) -> tuple[Any, Any]:
    """A dict or list anywhere in a value, and a key of it; (None, None) where there is none.

    It goes down with a chance of three in four a step, so that all depths have their turn.
    """
    holder, place = None, None
    while isinstance(value, (dict, list)) and value:
        if holder is not None and chance.random() < 0.25:
            break
        holder = value
        place = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
        value = holder[place]
    return holder, place

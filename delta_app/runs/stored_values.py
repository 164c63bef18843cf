"""Whether the values in a row are of their columns' types, to which SQLite does not hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from delta_app.runs.schema import runs

# SQLite may keep 2.0 as 2; what is kept as JSON are settings and facts by name.
_TAKEN: dict[type, tuple[type, ...]] = {float: (float, int), object: (dict,)}

_KINDS = {
    column.name: (_TAKEN.get(kind := column.type.python_type, (kind,)), column.nullable)
    for column in runs.c
}
"""What a value may be, by column of the runs, and whether it may be missing."""


def check_values(row: Mapping[str, Any]) -> None:
    """Do nothing where every value of a run's row can be what its column says.

    Raises:
        ValueError: one cannot: the store's file was changed by something else.
    """
    for name, value in row.items():
        kinds, nullable = _KINDS[name]
        if not (isinstance(value, kinds) or (value is None and nullable)):
            raise ValueError(f"{name} of the run {row.get('id')!r} is {value!r}")

"""Whether the values in a row are of their columns' types, to which SQLite does not hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import (
    Annotated,
    Any,
    NotRequired,  # pydantic's own; typing's from 3.12 on
)

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from delta_app.json_files import checked
from delta_app.runs.schema import runs

# SQLite may keep 2.0 as 2; what is kept as JSON are settings and facts by name.
_TAKEN: dict[type, tuple[type, ...]] = {float: (float, int), object: (dict,)}

_KINDS = {
    column.name: (_TAKEN.get(kind := column.type.python_type, (kind,)), column.nullable)
    for column in runs.c
}
"""What a value may be, by column of the runs, and whether it may be missing."""


_Path = Annotated[str, Field(pattern="^[^\0]*$")]
_Count = Annotated[int, Field(ge=0)]


class _Method(TypedDict):
    attention: NotRequired[_Path | None]
    weight_decay: NotRequired[float | None]


class _Attention(TypedDict):
    attention_of: NotRequired[_Path | None]


class _Settings(TypedDict):
    data: NotRequired[dict[str, Any]]
    model: NotRequired[dict[str, Any]]
    method: NotRequired[_Method]
    optimization: NotRequired[dict[str, Any]]
    attention: NotRequired[_Attention]


class _Config(_Settings):
    run: NotRequired[_Settings]


class _Facts(TypedDict):
    behaviour_layers: NotRequired[list[str]]
    pictures: NotRequired[dict[str, _Count]]
    steps_per_epoch: NotRequired[_Count]
    micro_batch: NotRequired[_Count]


class _Held(TypedDict):
    config: _Config
    facts: _Facts


_HELD = TypeAdapter(_Held)
"""What the app looks for in settings and facts; those of other versions may hold anything else."""


def check_values(row: Mapping[str, Any]) -> None:
    """Do nothing where every value of a run's row can be what its column says.

    Raises:
        ValueError: one cannot: the store's file was changed by something else.
    """
    for name, value in row.items():
        kinds, nullable = _KINDS[name]
        if not (isinstance(value, kinds) or (value is None and nullable)):
            raise ValueError(f"{name} of the run {row.get('id')!r} is {value!r}")
    try:
        checked(_HELD, {name: row[name] for name in ("config", "facts")})
    except ValueError as error:
        raise ValueError(f"of the run {row.get('id')!r} {error}") from error

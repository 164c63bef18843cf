"""What a setting is: one field from which the form, the command line and the docs are made.

It has a default, a label, a help text, a range and perhaps a unit; `describe` lists those of a
group.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

Kind = Literal["int", "float", "bool", "choice", "text", "list"]


class Settings(BaseModel):
    """Base of all settings groups: unknown names are refused, as is what is not finite; values
    cannot change.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def setting(
    default: Any = PydanticUndefined,
    *,
    label: str,
    help: str,
    unit: str = "",
    advanced: bool = False,
    log: bool = False,
    measuring: bool = False,
    choice_labels: dict[str, str] | None = None,
    **constraints: Any,
) -> Any:
    """A pydantic field with what a form needs: label, help, unit and whether to fold it away.

    Args:
        log: the value is searched and stepped on a logarithmic scale.
        measuring: only a run that measures attention and trains nothing has it.
        choice_labels: what to call each choice on the screen.
        constraints: `ge`, `gt`, `le`, `lt` as pydantic takes them.
    """
    extra: dict[str, Any] = {
        "unit": unit,
        "advanced": advanced,
        "log": log,
        "measuring": measuring,
        "choice_labels": choice_labels or {},
    }
    field: Any = Field(
        default, title=label, description=help, json_schema_extra=extra, **constraints
    )
    return field


@dataclass(frozen=True)
class SettingInfo:
    """What a form, the command line and the docs need to know of one setting."""

    name: str
    label: str
    help: str
    kind: Kind
    default: Any
    optional: bool
    required: bool
    choices: tuple[str, ...]
    choice_labels: dict[str, str]
    minimum: float | None
    maximum: float | None
    minimum_exclusive: bool
    unit: str
    advanced: bool
    log: bool
    measuring: bool

    @property
    def flag(self) -> str:
        """The option's name on the command line."""
        return "--" + self.name.replace("_", "-")


def _kind(annotation: Any) -> tuple[Kind, bool, tuple[str, ...]]:
    """Kind, whether None is allowed, and the choices of a field's annotation."""
    optional = False
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        arguments = [a for a in typing.get_args(annotation) if a is not type(None)]
        optional = len(arguments) < len(typing.get_args(annotation))
        annotation = arguments[0] if len(arguments) == 1 else str
    if typing.get_origin(annotation) is Literal:
        return "choice", optional, tuple(str(a) for a in typing.get_args(annotation))
    if typing.get_origin(annotation) is tuple:
        return "list", optional, ()
    kinds: dict[Any, Kind] = {bool: "bool", int: "int", float: "float", str: "text"}
    if annotation not in kinds:
        raise TypeError(f"a setting cannot be of type {annotation!r}")
    return kinds[annotation], optional, ()


def _bounds(field: FieldInfo) -> tuple[float | None, float | None, bool]:
    minimum = maximum = None
    exclusive = False
    for constraint in field.metadata:
        for name in ("ge", "gt"):
            if getattr(constraint, name, None) is not None:
                minimum, exclusive = getattr(constraint, name), name == "gt"
        for name in ("le", "lt"):
            if getattr(constraint, name, None) is not None:
                maximum = getattr(constraint, name)
    return minimum, maximum, exclusive


def describe(model: type[BaseModel]) -> tuple[SettingInfo, ...]:
    """The settings of a group that were declared with `setting`, in their order."""
    infos = []
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra
        if not isinstance(extra, dict) or "choice_labels" not in extra:
            continue
        kind, optional, choices = _kind(field.annotation)
        minimum, maximum, exclusive = _bounds(field)
        infos.append(
            SettingInfo(
                name=name,
                label=field.title or name,
                help=field.description or "",
                kind=kind,
                default=None if field.is_required() else field.default,
                optional=optional,
                required=field.is_required(),
                choices=choices,
                choice_labels=typing.cast(dict[str, str], extra["choice_labels"]),
                minimum=minimum,
                maximum=maximum,
                minimum_exclusive=exclusive,
                unit=str(extra["unit"]),
                advanced=bool(extra["advanced"]),
                log=bool(extra["log"]),
                measuring=bool(extra["measuring"]),
            )
        )
    return tuple(infos)

"""JSON from files that may be anything: what is wrong is always a ValueError of one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

T = TypeVar("T")


def read_json(path: Path, *, finite: bool = True) -> Any:
    """What a JSON file (UTF-8) holds.

    Unlike Python's own reader it takes no half of a surrogate pair, which nothing could print,
    and says of a file nested thousands deep what it says of any other that is no JSON.

    Args:
        finite: refuses the words NaN and Infinity, which JSON does not have and Python writes.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not JSON.
    """
    return from_json(path.read_bytes(), allow_inf_nan=not finite)


def checked(kind: TypeAdapter[T], value: Any) -> T:
    """A value out of JSON as what it should be.

    Raises:
        ValueError: it is something else; says where in it the first thing is that does not fit.
    """
    try:
        return kind.validate_python(value)
    except ValidationError as error:
        raise ValueError(first_complaint(error)) from error


def first_complaint(error: ValidationError) -> str:
    """Where the first thing is that does not fit, and what was expected there, in one line."""
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"])) or "the whole"
    return " ".join(f"{where}: {first['msg']}, got {_short(first.get('input'))}".split())


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

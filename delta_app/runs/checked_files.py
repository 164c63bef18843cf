"""JSON files of a run folder read against a schema: what is wrong is a ValueError of one line."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


def read_checked(path: Path, kind: type[M], most_bytes: int) -> M | None:
    """What a JSON file holds; None where there is none.

    Args:
        most_bytes: of a file that is read at all.

    Raises:
        ValueError: it cannot be read, or holds something else.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror or error}") from error
    if len(data) > most_bytes:
        raise ValueError(f"{path.name} is absurdly large: it has more than {most_bytes} bytes")
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        raise ValueError(f"{path.name} does not fit: {first_complaint(error)}") from error


def first_complaint(error: ValidationError) -> str:
    """Where the first thing is that does not fit, and what was expected there."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part)[:60] for part in first["loc"][:8]) or "the whole"
    return " ".join(f"{where}: {first['msg']}".split())[:300]

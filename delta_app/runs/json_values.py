"""Values as JSON can hold them, whatever a loop hands over."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any


def plain_json(value: object) -> Any:
    """The value in JSON's types: not-a-number becomes None, what JSON lacks becomes its text."""
    match value:
        case None | bool() | str():
            return value
        case Integral():
            return int(value)
        case Real():
            return float(value) if math.isfinite(value) else None
        case Mapping():
            return {str(key): plain_json(each) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain_json(each) for each in value]
        case _:
            return str(value)

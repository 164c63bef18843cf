"""Which cases of a test are run each time, and which only where there is time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def slow_but(quick: Iterable[str], names: Iterable[str]) -> list[Any]:
    """The cases of these names, of which all but the quick ones are marked slow."""
    chosen = set(quick)
    return [
        name if name in chosen else pytest.param(name, marks=pytest.mark.slow) for name in names
    ]

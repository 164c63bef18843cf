"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from delta_app.attention.site import Site


@dataclass(frozen=True)
class Rule:
    """How to compute an operation's change.

    Attributes:
        change: of the output, from those of the inputs; a tuple where the output is one.
        needs_inputs: whether the intact inputs are looked at, and must be kept.
    """

    change: Callable[[Site], Any]
    needs_inputs: bool = False

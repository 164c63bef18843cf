"""Operations on each element: activation functions."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from delta_app.attention import differences
from delta_app.attention.change import Change
from delta_app.attention.rules.rule import Rule
from delta_app.attention.site import Site


def curved(parts: Callable[[Tensor], differences.Parts], function: Callable[..., Tensor]) -> Rule:
    """The rule of an activation function: what it needs of the intact value is made once for all
    variants by `parts`, and `function` takes the change and these."""

    def change(site: Site) -> Change:
        made = site.once("parts", lambda: parts(site.base()))
        changed: Change = site.change()
        return changed.through(lambda *values: function(values[-1], *values[:-1]), *made)

    return Rule(change, needs_inputs=True)


def clamp(low: float, high: float | None) -> Rule:
    """ReLU, ReLU6."""
    return curved(lambda x: differences.clamp_parts(x, low, high), differences.clamp_change)

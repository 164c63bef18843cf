"""One filter of a measurement: whose loss rises most when it is disabled."""

from __future__ import annotations

import math
from dataclasses import dataclass

from delta_app.attention.by_picture import ByPicture


@dataclass(frozen=True)
class ClassRise:
    """The class whose loss rises most without a filter.

    Attributes:
        rise: mean over its measured pictures, in nats.
        standard_error: of it; not finite where it is not known.
    """

    name: str
    rise: float
    standard_error: float


def hardest_hit(of: ByPicture, layer: str, filter: int) -> ClassRise | None:
    """The class whose loss rises most when the filter is disabled; None where none rises."""
    known = of.layers[layer]
    rises = known.by_class[:, filter].double().nan_to_num(nan=-math.inf)
    place = int(rises.argmax())
    if rises[place] <= 0:
        return None
    error = float(known.by_class_error[place, filter])
    return ClassRise(of.classes[place], float(rises[place]), error)

"""L2: plain weight decay toward zero, by the optimizer, on everything."""

from __future__ import annotations

from typing import Literal

from delta_app.regularizers.base import MethodSettings, Regularizer, register
from delta_app.settings import setting


class L2Settings(MethodSettings):
    """Settings of L2."""

    method: Literal["l2"] = "l2"
    weight_decay: float = setting(
        1e-4,
        label="Weight decay",
        help="The optimizer's, on every parameter of backbone and head. The authors use 1e-4.",
        ge=0.0,
        le=1.0,
        log=True,
    )


@register
class L2(Regularizer):
    """No penalty in the loss: the optimizer decays every weight toward zero."""

    name = "l2"
    label = "L2"
    summary = "Decays every weight toward zero. The usual baseline."
    color = "#0072B2"
    order = 1
    Settings = L2Settings

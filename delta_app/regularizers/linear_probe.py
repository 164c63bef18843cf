"""Linear probe: the backbone stays as it is, only a new head is trained."""

from __future__ import annotations

from typing import Literal

from delta_app.regularizers.base import MethodSettings, Regularizer, register
from delta_app.settings import setting


class LinearProbeSettings(MethodSettings):
    """Settings of the linear probe."""

    method: Literal["linear_probe"] = "linear_probe"
    weight_decay: float = setting(
        1e-4,
        label="Weight decay",
        help="The optimizer's, on the head.",
        ge=0.0,
        le=1.0,
        log=True,
    )


@register
class LinearProbe(Regularizer):
    """Frozen backbone in eval mode, a trained head: what the pretrained features give alone."""

    name = "linear_probe"
    label = "Linear probe"
    summary = "Trains only a new head on the frozen backbone. The floor to beat."
    color = "#7F7F7F"
    order = 0
    Settings = LinearProbeSettings
    trains_backbone = False

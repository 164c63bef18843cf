"""L2-SP: the starting point as reference (Li, Grandvalet, Davoine, ICML 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from delta_app.regularizers.base import MethodSettings, Penalised, Regularizer, register
from delta_app.regularizers.head import head_l2
from delta_app.settings import setting


def l2_sp(parameters: Mapping[str, Tensor], starting_point: Mapping[str, Tensor]) -> Tensor:
    """Omega_backbone = 1/2 * sum over parameters of ||w - w*||^2.

    Args:
        parameters: the target's parameters by name.
        starting_point: the source's parameters w* by name; exactly these are held.

    Returns:
        A float32 scalar (float64 for float64 parameters).

    Raises:
        KeyError: a parameter of the starting point is missing in the target.

    Source: the authors' train.py, `reg_l2sp`: every backbone parameter, BatchNorm's affine
    ones included.
    """
    squares = []
    for name, start in starting_point.items():
        difference = parameters[name] - start
        if difference.dtype != torch.float64:
            difference = difference.float()
        squares.append(difference.square().sum())
    return 0.5 * torch.stack(squares).sum()


class L2SPSettings(MethodSettings):
    """Settings of L2-SP."""

    method: Literal["l2_sp"] = "l2_sp"
    alpha: float = setting(
        0.01,
        label="Alpha",
        help="Weight of the distance to the starting point.",
        ge=0.0,
        le=1000.0,
        log=True,
    )
    beta: float = setting(
        0.01,
        label="Beta",
        help="Weight of the new head's L2 term, in place of weight decay.",
        ge=0.0,
        le=1000.0,
        log=True,
    )
    parameters: Literal["all", "convolutions"] = setting(
        "all",
        label="Parameters held",
        help="All backbone parameters, BatchNorm's affine ones included (DELTA's authors), or "
        "convolution weights only (L2-SP's authors).",
        choice_labels={"all": "All", "convolutions": "Convolution weights"},
        advanced=True,
    )


@register
class L2SP(Regularizer):
    """Holds the backbone's weights near where they started."""

    name = "l2_sp"
    label = "L2-SP"
    summary = "Holds every backbone weight near its pretrained value."
    color = "#E69F00"
    order = 2
    Settings = L2SPSettings

    def backbone_term(self, step: Penalised) -> Tensor:
        start = step.starting_point
        if self.settings.parameters == "convolutions":
            start = {name: start[name] for name in _convolutions(step.target) if name in start}
        return l2_sp(dict(step.target.named_parameters()), start)

    def head_term(self, step: Penalised) -> Tensor:
        return head_l2(step.head)


def _convolutions(model: nn.Module) -> list[str]:
    return [
        f"{name}.weight" for name, module in model.named_modules() if isinstance(module, nn.Conv2d)
    ]

"""DELTA: feature maps held by channel attention (Li et al., ICLR 2019; TKDD 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from delta_app.regularizers.base import MethodSettings, Penalised, Regularizer, Variant, register
from delta_app.regularizers.feature_map import (
    BATCH_READING_HELP,
    BATCH_READING_LABELS,
    BatchReading,
    batch_factor,
    squared_difference,
)
from delta_app.regularizers.head import head_l2
from delta_app.settings import setting


def attention_weighted_distance(
    target: Mapping[str, Tensor], source: Mapping[str, Tensor], attention: Mapping[str, Tensor]
) -> Tensor:
    """1/2 * sum over layers, batch and channels of C * W_c * ||FM_c - FM*_c||^2 / (H * W).

    Args:
        target, source: feature maps by layer, each (N, C, H, W).
        attention: channel attention W by layer, each (C,), summing to 1; so C * W_c is 1 on
            average.

    Returns:
        A float32 scalar (float64 for float64 maps).

    Raises:
        ValueError: an attention has not as many channels as its layer.

    Source: the authors' train.py, `reg_att_fea_map`.
    """
    distances = []
    for layer in source:
        squares = squared_difference(target[layer], source[layer])  # (N, C, H, W)
        channels = squares.shape[1]
        weights = attention[layer].to(squares)  # (C,)
        if weights.shape != (channels,):
            raise ValueError(
                f"the attention of layer {layer} has shape {tuple(weights.shape)}, "
                f"expected ({channels},)"
            )
        by_channel = squares.mean(dim=(2, 3)).sum(dim=0)  # (C,)
        distances.append(channels * (weights * by_channel).sum())
    return 0.5 * torch.stack(distances).sum()


class DeltaSettings(MethodSettings):
    """Settings of DELTA."""

    method: Literal["delta"] = "delta"
    alpha: float = setting(
        0.01,
        label="Alpha",
        help="Weight of the distance between feature maps, at batch 64. The authors use 0.01, "
        "and 0.1 for Stanford Dogs.",
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
    attention: str = setting(
        "learned",
        label="Channel attention",
        help="learned measures it before training; uniform weighs every channel alike (the fair "
        "control); shuffled permutes the learned one within each layer (the other control); or "
        "the path of an attention file, this app's or the authors'.",
    )
    batch_reading: BatchReading = setting(
        "sum",
        label="Alpha reads the batch as",
        help=BATCH_READING_HELP,
        choice_labels=BATCH_READING_LABELS,
        advanced=True,
    )


@register
class Delta(Regularizer):
    """Holds each channel as firmly as its filter mattered to the loss."""

    name = "delta"
    label = "DELTA"
    summary = "Holds feature maps near the pretrained network's, each channel by its importance."
    color = "#D55E00"
    order = 4
    Settings = DeltaSettings
    compares_feature_maps = True

    _VARIANTS: ClassVar[dict[str, Variant]] = {
        "uniform": Variant("delta_uniform", "DELTA uniform", "#CC79A7"),
        "shuffled": Variant("delta_shuffled", "DELTA shuffled", "#56B4E9"),
    }

    def __init__(self, settings: Any, attention: Mapping[str, Tensor] | None = None) -> None:
        if attention is None:
            raise ValueError("DELTA needs an attention; pass a uniform one for the control")
        super().__init__(settings, attention)
        self._attention: Mapping[str, Tensor] = attention

    @classmethod
    def variant(cls, settings: Any) -> Variant:
        return cls._VARIANTS.get(settings.attention, Variant(cls.name, cls.label, cls.color))

    @classmethod
    def variants(cls) -> tuple[Variant, ...]:
        return (Variant(cls.name, cls.label, cls.color), *cls._VARIANTS.values())

    def backbone_term(self, step: Penalised) -> Tensor:
        distance = attention_weighted_distance(
            step.target_features, step.source_features, self._attention
        )
        return distance * batch_factor(step.pictures, self.settings.batch_reading)

    def head_term(self, step: Penalised) -> Tensor:
        return head_l2(step.head)

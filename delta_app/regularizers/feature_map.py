"""Feature map: behavioural regularization without attention ("fea_map" of DELTA's authors)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from delta_app.regularizers.base import MethodSettings, Penalised, Regularizer, register
from delta_app.regularizers.head import head_l2
from delta_app.settings import setting

REFERENCE_BATCH = 64
"""The batch size at which the authors quote alpha."""

BatchReading = Literal["sum", "per_64"]

BATCH_READING_HELP = (
    "Sum: the authors' reading, the term is summed over the batch while cross-entropy is a mean, "
    "so alpha's effect grows with the batch. Per 64: the batch mean times 64, the same effect at "
    "any batch size and equal to the sum at 64."
)
BATCH_READING_LABELS = {"sum": "Sum over the batch", "per_64": "Per 64 pictures"}


def squared_difference(target: Tensor, source: Tensor) -> Tensor:
    """(T - S)^2 in float32, or in float64 where both are float64.

    Args:
        target, source: feature maps of one layer, (N, C, H, W), any float type.

    Raises:
        ValueError: the shapes differ.
    """
    if target.shape != source.shape:
        raise ValueError(
            f"feature maps of shape {tuple(target.shape)} cannot be compared with "
            f"{tuple(source.shape)}"
        )
    if target.dtype != torch.float64:
        target, source = target.float(), source.float()
    return (target - source).square()


def batch_factor(batch_size: int, reading: BatchReading) -> float:
    """What a term summed over the batch is multiplied by under either reading of alpha."""
    return 1.0 if reading == "sum" else REFERENCE_BATCH / batch_size


def feature_map_distance(target: Mapping[str, Tensor], source: Mapping[str, Tensor]) -> Tensor:
    """1/2 * sum over layers of ||FM - FM*||^2, summed over batch, channels and positions.

    Args:
        target, source: feature maps by layer, each (N, C, H, W).

    Returns:
        A float32 scalar (float64 for float64 maps).

    Source: the authors' train.py, `reg_fea_map`; not divided by H*W.
    """
    distances = [squared_difference(target[layer], source[layer]).sum() for layer in source]
    return 0.5 * torch.stack(distances).sum()


class FeatureMapSettings(MethodSettings):
    """Settings of the feature map method."""

    method: Literal["feature_map"] = "feature_map"
    alpha: float = setting(
        1e-4,
        label="Alpha",
        help="Weight of the distance between feature maps. The term is not divided by the "
        "number of positions, so it is large: 0.01 diverges.",
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
    batch_reading: BatchReading = setting(
        "sum",
        label="Alpha reads the batch as",
        help=BATCH_READING_HELP,
        choice_labels=BATCH_READING_LABELS,
        advanced=True,
    )


@register
class FeatureMap(Regularizer):
    """Holds whole feature maps near the source network's, every channel alike."""

    name = "feature_map"
    label = "Feature map"
    summary = "Holds feature maps near the pretrained network's, without attention."
    color = "#009E73"
    order = 3
    Settings = FeatureMapSettings
    compares_feature_maps = True

    def backbone_term(self, step: Penalised) -> Tensor:
        distance = feature_map_distance(step.target_features, step.source_features)
        return distance * batch_factor(step.pictures, self.settings.batch_reading)

    def head_term(self, step: Penalised) -> Tensor:
        return head_l2(step.head)

"""The optimizer and how its learning rates follow the schedule."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from delta_app.config import OptimizationSettings
from delta_app.models.head import backbone_parameters, head_parameters
from delta_app.training.schedules import lr_factor, place_in_round


def build_optimizer(
    target: nn.Module,
    settings: OptimizationSettings,
    *,
    weight_decay: float,
    trains_backbone: bool = True,
) -> torch.optim.Optimizer:
    """SGD with momentum or AdamW, backbone and head in groups of their own.

    Args:
        weight_decay: on every parameter; 0 where penalties take its place.
        trains_backbone: False freezes all but the head.
    """
    groups: list[dict[str, object]] = []
    backbone = list(backbone_parameters(target).values())
    if trains_backbone:
        groups.append({"params": backbone, "name": "backbone", "peak": settings.lr})
    else:
        for parameter in backbone:
            parameter.requires_grad_(False)
    head_lr = settings.lr if settings.head_lr is None else settings.head_lr
    groups.append({"params": list(head_parameters(target)), "name": "head", "peak": head_lr})
    for group in groups:
        group["lr"] = group["peak"]
    # Fused, fp16's scaler skips a step on the device, without the host waiting to decide it.
    fused = True if next(target.parameters()).is_cuda else None
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(
            groups,
            betas=(settings.momentum, 0.999),
            weight_decay=weight_decay,
            fused=fused,
        )
    return torch.optim.SGD(
        groups, momentum=settings.momentum, weight_decay=weight_decay, fused=fused
    )


def set_learning_rates(
    optimizer: torch.optim.Optimizer,
    settings: OptimizationSettings,
    step: int,
    steps_per_epoch: int,
) -> dict[str, float]:
    """Set every group's learning rate for a step; returns them by group.

    The schedule runs anew in each round of epochs; only the first one warms up, since the head
    is not random any more in those after it.

    Args:
        step: updates done before this one, 0-based.
    """
    rounds = [epochs * steps_per_epoch for epochs in settings.rounds]
    number, step, total = place_in_round(step, rounds)
    factor = lr_factor(
        settings.schedule,
        step,
        total,
        step_at=settings.step_at,
        decay=settings.decay,
        warmup=0 if number else round(settings.warmup_epochs * steps_per_epoch),
    )
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor
    return {group["name"]: group["lr"] for group in optimizer.param_groups}


def balanced_class_weights(labels: Iterable[int], classes: int) -> torch.Tensor:
    """N / (K * n_k) by class, (K,): their mean over the training pictures is 1.

    A class without training pictures gets 0; it never occurs in the loss.
    """
    counts = torch.bincount(torch.tensor(list(labels)), minlength=classes).double()
    weights = counts.sum() / (classes * counts)
    return torch.where(counts > 0, weights, torch.zeros_like(weights)).float()

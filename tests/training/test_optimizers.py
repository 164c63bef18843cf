"""Optimizer groups, weight decay and class weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from delta_app.config import OptimizationSettings
from delta_app.training.optimizers import (
    balanced_class_weights,
    build_optimizer,
    set_learning_rates,
)


@pytest.fixture
def net() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), nn.Linear(4, 2))


def test_backbone_and_head_have_learning_rates_of_their_own(net: nn.Sequential) -> None:
    settings = OptimizationSettings(lr=0.01, head_lr=0.1, schedule="exponential", epochs=2)
    optimizer = build_optimizer(net, settings, weight_decay=0.0)
    assert set_learning_rates(optimizer, settings, 0, 5) == {"backbone": 0.01, "head": 0.1}
    half = set_learning_rates(optimizer, settings, 5, 5)
    assert half["head"] == pytest.approx(0.1 * 0.1**0.5)
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert held == {id(p) for p in net.parameters()}


def test_the_schedule_runs_anew_in_each_round_and_warms_up_in_the_first_alone(
    net: nn.Sequential,
) -> None:
    settings = OptimizationSettings(
        lr=1.0, schedule="step", step_at=0.5, epochs=2, more_epochs=(1, 3), warmup_epochs=1.0
    )
    optimizer = build_optimizer(net, settings, weight_decay=0.0)
    rates = [set_learning_rates(optimizer, settings, step, 2)["head"] for step in range(12)]
    first, second, third = [0.5, 1, 0.1, 0.1], [1, 0.1], [1, 1, 1, 0.1, 0.1, 0.1]
    assert rates == pytest.approx(first + second + third)
    assert settings.total_epochs == 6


def test_weight_decay_is_on_everything(net: nn.Sequential) -> None:
    optimizer = build_optimizer(net, OptimizationSettings(), weight_decay=1e-4)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [1e-4, 1e-4]
    assert not optimizer.param_groups[0]["nesterov"]


def test_the_probe_trains_the_head_alone(net: nn.Sequential) -> None:
    optimizer = build_optimizer(net, OptimizationSettings(), weight_decay=0, trains_backbone=False)
    assert [group["name"] for group in optimizer.param_groups] == ["head"]
    assert [p.requires_grad for p in net.parameters()] == [False, False, True, True]


def test_balanced_weights_by_hand() -> None:
    # six pictures, three classes, one without any: 6 / (3 * n_k)
    weights = balanced_class_weights([0, 0, 0, 0, 1, 1], 3)
    assert weights.tolist() == [0.5, 1.0, 0.0]
    assert isinstance(weights, torch.Tensor)

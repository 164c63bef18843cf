"""Modes are put back whatever happens."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from delta_app.models.modes import eval_mode, freeze_batchnorm


def mixed_network() -> nn.Sequential:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(0.5))
    network.train()
    network[1].eval()
    return network


def modes(network: nn.Module) -> list[bool]:
    return [module.training for module in network.modules()]


def test_each_module_has_its_own_mode_again() -> None:
    network = mixed_network()
    with eval_mode(network) as inside:
        assert inside is network
        assert modes(network) == [False] * 4
    assert modes(network) == [True, True, False, True]


def test_modes_are_put_back_when_an_exception_passes() -> None:
    network = mixed_network()
    with pytest.raises(KeyError), eval_mode(network):
        raise KeyError
    assert modes(network) == [True, True, False, True]


def test_frozen_batchnorm_keeps_and_uses_its_statistics() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(0.5))
    network.train()
    freeze_batchnorm(network)
    assert modes(network) == [True, True, False, True]
    network[0](torch.rand(2, 3, 5, 5))
    out = network[1](torch.full((2, 4, 1, 1), 3.0))
    assert not network[1].running_mean.any()
    # (3 - 0) / sqrt(1 + 1e-5): the running statistics, not the batch's, which would give 0
    assert torch.allclose(out, torch.tensor(2.999985))
    assert network[1].weight.requires_grad

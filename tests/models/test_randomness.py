"""Dropout and stochastic depth: torch's mathematics, a run's own generator."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.ops import StochasticDepth, stochastic_depth

from delta_app.models.build import build_source, build_target
from delta_app.models.randomness import (
    RunDropout,
    RunStochasticDepth,
    set_dropout,
    use_generator,
)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("p", [0.2, 0.5, 1.0])
def test_dropout_is_torchs_to_the_last_bit(p: float) -> None:
    features = torch.randn(4, 8, 5, 5, generator=generator(1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        expected = F.dropout(features, p, training=True)
    assert torch.equal(RunDropout(p, generator(7)).train()(features), expected)


@pytest.mark.parametrize("mode", ["row", "batch"])
@pytest.mark.parametrize("p", [0.2, 0.5, 1.0])
def test_stochastic_depth_is_torchvisions_to_the_last_bit(p: float, mode: str) -> None:
    branch = torch.randn(16, 3, 2, 2, generator=generator(1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        expected = stochastic_depth(branch, p, mode, training=True)
    assert torch.equal(RunStochasticDepth(p, mode, generator(7)).train()(branch), expected)


def test_in_eval_mode_nothing_is_drawn() -> None:
    own = generator(0)
    before = own.get_state()
    features = torch.randn(3, 4)
    assert RunDropout(0.5, own).eval()(features) is features
    assert RunStochasticDepth(0.5, "row", own).eval()(features) is features
    assert torch.equal(own.get_state(), before)


def test_gradients_pass_the_kept_places_alone() -> None:
    features = torch.ones(1000, requires_grad=True)
    out = RunDropout(0.25, generator(0)).train()(features)
    out.sum().backward()
    assert torch.equal(features.grad, out.detach())  # d(x * m)/dx = m, and x = 1
    assert out.detach().unique().tolist() == pytest.approx([0, 1 / 0.75])


def test_low_precision_stays_low() -> None:
    features = torch.ones(64, dtype=torch.bfloat16)
    assert RunDropout(0.5, generator(0)).train()(features).dtype == torch.bfloat16


def test_the_probability_can_be_set_for_dropout_alone() -> None:
    model = nn.Sequential(nn.Dropout(0.2), StochasticDepth(0.3, "row"))
    use_generator(model, generator(0))
    set_dropout(model, 0.0)
    assert [module.p for module in model] == [0.0, 0.3]


def test_modules_are_replaced_with_probability_and_mode_kept() -> None:
    network = nn.Sequential(
        nn.Dropout(0.3, inplace=True), nn.Sequential(StochasticDepth(0.1, "row"))
    )
    network.train()
    network[0].eval()
    own = generator(0)
    use_generator(network, own)
    dropout, depth = network[0], network[1][0]
    assert isinstance(dropout, RunDropout)
    assert isinstance(depth, RunStochasticDepth)
    assert (dropout.p, dropout.training) == (0.3, False)
    assert (depth.p, depth.mode, depth.training) == (0.1, "row", True)
    other = generator(1)
    use_generator(network, other)
    assert network[0] is dropout
    assert dropout.generator is depth.generator is other


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "efficientnet_b0"])
def test_a_step_in_train_mode_leaves_the_process_wide_state_untouched(name: str) -> None:
    target = build_target(build_source(name, "random"), 5, generator(0)).train()
    images = torch.rand(2, 3, 64, 64, generator=generator(1))
    before = torch.get_rng_state()
    target(images).sum().backward()
    assert torch.equal(torch.get_rng_state(), before)


def test_the_same_generator_gives_the_same_outputs_whatever_others_draw() -> None:
    source = build_source("efficientnet_b0", "random")
    images = torch.rand(4, 3, 64, 64, generator=generator(1))
    outputs = []
    for _ in range(2):
        target = build_target(source, 5, generator(0)).train()
        torch.rand(3)  # someone else draws from the process-wide state
        use_generator(target, generator(5))
        with torch.no_grad():
            outputs.append(target(images))
    assert torch.equal(outputs[0], outputs[1])
    with torch.no_grad():  # and it does draw: the next forward differs
        target = copy.deepcopy(target)
        assert not torch.equal(target(images), target(images))


@pytest.mark.cuda
@pytest.mark.parametrize("where", ["cuda", "cpu"])
def test_on_a_gpu_the_generator_may_be_on_either_device(where: str) -> None:
    own = torch.Generator(device=where).manual_seed(0)
    features = torch.ones(10_000, device="cuda")
    out = RunDropout(0.25, own).train()(features)
    assert out.device.type == "cuda"
    assert (out == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert out.max().item() == pytest.approx(1 / 0.75)

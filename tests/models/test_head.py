"""The head: found, counted, drawn anew."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from delta_app.errors import BackboneError
from delta_app.models.construction import meta_network, random_network
from delta_app.models.head import (
    backbone_parameters,
    fresh_head,
    head_of,
    head_parameters,
    replace_head,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("name", "head", "shape"),
    [
        ("alexnet", "classifier.6", (1000, 4096)),
        ("convnext_tiny", "classifier.2", (1000, 768)),
        ("densenet121", "classifier", (1000, 1024)),
        ("efficientnet_b0", "classifier.1", (1000, 1280)),
        ("googlenet", "fc", (1000, 1024)),
        ("inception_v3", "fc", (1000, 2048)),
        ("mnasnet0_5", "classifier.1", (1000, 1280)),
        ("mobilenet_v2", "classifier.1", (1000, 1280)),
        ("mobilenet_v3_small", "classifier.3", (1000, 1024)),
        ("regnet_x_400mf", "fc", (1000, 400)),
        ("resnet18", "fc", (1000, 512)),
        ("shufflenet_v2_x0_5", "fc", (1000, 1024)),
        ("squeezenet1_0", "classifier.1", (1000, 512, 1, 1)),
        ("vgg11", "classifier.6", (1000, 4096)),
    ],
)
def test_the_head_of_every_family(name: str, head: str, shape: tuple[int, ...]) -> None:
    network = meta_network(name)
    found, module = head_of(network)
    assert (found, tuple(module.weight.shape)) == (head, shape)
    assert len(head_parameters(network)) == 2
    names = {n for n, _ in network.named_parameters()}
    assert set(backbone_parameters(network)) == names - {f"{head}.weight", f"{head}.bias"}


def test_a_network_without_one_is_refused() -> None:
    with pytest.raises(BackboneError, match="no linear layer") as caught:
        head_of(nn.Sequential(nn.Conv2d(3, 4, 3)))
    assert caught.value.field == "backbone"


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_inputs_bias_and_type_are_kept(bias: bool, dtype: torch.dtype) -> None:
    for old in (
        nn.Linear(6, 9, bias=bias, dtype=dtype),
        nn.Conv2d(6, 9, 1, bias=bias, dtype=dtype),
    ):
        new = fresh_head(old, 4, generator())
        assert type(new) is type(old)
        assert new.weight.shape == (4, *old.weight.shape[1:])
        assert (new.bias is None) == (not bias)
        assert all(p.dtype == dtype and p.requires_grad for p in new.parameters())


def test_it_is_drawn_as_torch_draws_a_layer_but_from_the_generator() -> None:
    old = nn.Linear(400, 9)
    before = torch.get_rng_state()
    new = fresh_head(old, 50, generator())
    assert torch.equal(torch.get_rng_state(), before)
    bound = 1 / math.sqrt(400)
    weight = new.weight.detach()
    assert weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.02)  # of U(-b, b)
    assert abs(weight.mean().item()) < bound / 50
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torchs = nn.Linear(400, 50).weight.detach()
    assert weight.std().item() == pytest.approx(torchs.std().item(), rel=0.02)


def test_the_seed_alone_decides() -> None:
    old = nn.Linear(5, 9)
    one, same, other = (fresh_head(old, 3, generator(s)) for s in (1, 1, 2))
    assert torch.equal(one.weight, same.weight)
    assert torch.equal(one.bias, same.bias)
    assert not torch.equal(one.weight, other.weight)


def test_no_classes_no_head() -> None:
    with pytest.raises(ValueError, match="at least one class, got 0"):
        fresh_head(nn.Linear(5, 9), 0, generator())


@pytest.mark.parametrize("name", ["squeezenet1_1", "shufflenet_v2_x0_5"])
def test_replacing_changes_the_head_alone(name: str) -> None:
    network = random_network(name, seed=0)
    head = head_of(network)[0]
    before = {n: t.clone() for n, t in network.state_dict().items()}
    replace_head(network, 7, generator())
    assert network(torch.rand(2, 3, 64, 64)).shape == (2, 7)
    assert head_of(network)[0] == head
    for name_, tensor in network.state_dict().items():
        if not name_.startswith(f"{head}."):
            assert torch.equal(tensor, before[name_]), name_

"""Networks made bare: the same as torchvision's, and nothing process-wide is touched."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torchvision

from delta_app.models.construction import (
    blank_network,
    meta_copy,
    meta_network,
    random_network,
)


def test_random_weights_are_torchvisions_for_that_seed() -> None:
    made = random_network("resnet18", seed=3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        expected = torchvision.models.resnet18()
    for name, tensor in expected.state_dict().items():
        assert torch.equal(made.state_dict()[name], tensor), name


def test_the_process_wide_random_state_is_left_as_it_was() -> None:
    before = torch.get_rng_state()
    random_network("squeezenet1_1", seed=1)
    meta_network("inception_v3")
    blank_network("squeezenet1_1")
    assert torch.equal(torch.get_rng_state(), before)


def test_networks_made_at_once_in_threads_do_not_mix_their_draws() -> None:
    def first_weight(seed: int) -> torch.Tensor:
        return random_network("squeezenet1_1", seed).state_dict()["features.0.weight"]

    alone = [first_weight(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(first_weight, range(4)))
    for one, other in zip(alone, together, strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(alone[0], alone[1])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["regnet_y_400mf", "convnext_tiny", "googlenet", "mnasnet0_5"])
def test_a_meta_network_has_names_and_shapes_and_no_memory(name: str) -> None:
    made = meta_network(name)
    assert all(p.is_meta for p in made.parameters())
    options = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    expected = torchvision.models.get_model(name, weights=None, **options).state_dict()
    assert {n: t.shape for n, t in made.state_dict().items()} == {
        n: t.shape for n, t in expected.items()
    }


def test_a_blank_network_is_zero_everywhere_and_takes_a_plain_state_dict() -> None:
    # MNASNet is the one that refuses a dict without torch's own metadata in torchvision.
    source = random_network("mnasnet0_5", seed=0)
    blank = blank_network("mnasnet0_5")
    assert all(not t.any() for t in blank.state_dict().values())
    blank.load_state_dict(dict(source.state_dict()))
    images = torch.rand(1, 3, 64, 64)
    assert torch.equal(blank(images), source(images))


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "googlenet", "squeezenet1_1"])
def test_no_module_works_in_place(name: str) -> None:
    made = meta_network(name)
    assert not [n for n, m in made.named_modules() if getattr(m, "inplace", False)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_no_auxiliary_heads_and_the_input_is_transformed(name: str) -> None:
    made = meta_network(name).train()
    assert made.transform_input is True
    assert not [n for n, _ in made.named_modules() if "aux" in n.lower()]
    logits = made(torch.empty(2, 3, 96, 96, device="meta"))
    assert logits.shape == (2, 1000)  # one tensor in train mode too, not a tuple


def test_a_meta_copy_shares_nothing_and_changes_nothing() -> None:
    network = random_network("squeezenet1_1", seed=0)
    network.features[0].weight.requires_grad_(False)
    before = {n: t.clone() for n, t in network.state_dict().items()}
    copied = meta_copy(network)
    assert all(t.is_meta for t in copied.state_dict().values())
    assert not copied.features[0].weight.requires_grad
    assert copied.features[3].squeeze.weight.requires_grad
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])

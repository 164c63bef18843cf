"""Captured maps are what the layer put out, and no hook is left behind."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from delta_app.errors import BackboneError
from delta_app.models.construction import random_network
from delta_app.models.feature_maps import FeatureMaps, count_hooks, layer_channels, layer_shapes


def images(count: int = 2, size: int = 64) -> torch.Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def small_network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 2, 1))


def test_a_map_is_the_layers_own_output_by_hand() -> None:
    network = small_network()
    network[1].inplace = False
    batch = images()
    with FeatureMaps(network, ["0", "2"]) as captured:
        out = network(batch)
        first = F.conv2d(batch, network[0].weight, network[0].bias)
        assert torch.equal(captured.maps["0"], first)
        assert (captured.maps["0"] < 0).any()  # before ReLU
        assert torch.equal(captured.maps["2"], out)
    assert captured.maps == {}


def test_maps_are_part_of_the_graph() -> None:
    network = small_network()
    network[1].inplace = False
    with FeatureMaps(network, ["0"]) as captured:
        network(images())
        captured.maps["0"].sum().backward()
    positions = 2 * 62 * 62
    assert torch.allclose(network[0].bias.grad, torch.full((4,), float(positions)))


def test_an_output_that_is_overwritten_is_an_error_not_a_wrong_number() -> None:
    network = small_network()  # its ReLU works in place on the convolution's output
    with (
        FeatureMaps(network, ["0"]),
        pytest.raises(BackboneError, match="'0' is overwritten") as caught,
    ):
        network(images())
    assert caught.value.field == "behaviour_layers"
    assert count_hooks(network) == 0


def test_torchvisions_own_squeezenet_would_overwrite_and_ours_does_not() -> None:
    layer = "features.3.squeeze"
    theirs = torchvision.models.squeezenet1_1().eval()
    with FeatureMaps(theirs, [layer]), pytest.raises(BackboneError, match="overwritten"):
        theirs(images())
    ours = random_network("squeezenet1_1", seed=0)
    with torch.no_grad(), FeatureMaps(ours, [layer]) as captured:
        ours(images())
        assert (captured.maps[layer] < 0).any()


def test_densenets_last_batchnorm_is_captured_before_the_rectifier() -> None:
    network = random_network("densenet121", seed=0)
    with torch.no_grad():
        expected = network.features(images())  # norm5 is its last layer
        plain = network(images())
        with FeatureMaps(network, ["features.norm5"]) as captured:
            hooked = network(images())
            assert torch.equal(captured.maps["features.norm5"], expected)
    assert (expected < 0).any()
    assert torch.equal(hooked, plain)


def test_each_forward_has_its_own_maps() -> None:
    network = random_network("squeezenet1_1", seed=0)
    with torch.no_grad(), FeatureMaps(network, ["features.0"]) as captured:
        network(images(2))
        first = captured.maps
        network(images(3))
        assert first["features.0"].shape[0] == 2
        assert captured.maps["features.0"].shape[0] == 3


@pytest.mark.slow
def test_convnexts_linear_layers_come_channels_first() -> None:
    network = random_network("convnext_tiny", seed=0)
    layer = "features.1.0.block.5"
    with torch.no_grad(), FeatureMaps(network, [layer]) as captured:
        seen: list[torch.Tensor] = []
        handle = network.get_submodule(layer).register_forward_hook(
            lambda module, inputs, output: seen.append(output)
        )
        network(images(1))
        handle.remove()
        assert captured.maps[layer].shape == (1, 96, 16, 16)
        assert torch.equal(captured.maps[layer][0, 5], seen[0][0, :, :, 5])


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_no_hook_is_left_when_an_exception_passes(error: type[BaseException]) -> None:
    network = small_network()

    def fail_inside() -> None:
        with FeatureMaps(network, ["0", "2"]):
            assert count_hooks(network) > 0
            raise error

    with pytest.raises(error):
        fail_inside()
    assert count_hooks(network) == 0


def test_an_unknown_layer_is_refused_and_leaves_no_hook() -> None:
    network = small_network()
    with pytest.raises(BackboneError, match="no layer called 'layer4'"):  # noqa: SIM117
        with FeatureMaps(network, ["0", "layer4"]):
            pass
    assert count_hooks(network) == 0


def test_an_output_that_is_no_map_is_refused() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    with (
        FeatureMaps(network, ["1"]),
        pytest.raises(BackboneError, match=r"puts out \(1, 2\), not a map"),
    ):
        network(torch.rand(1, 3, 2, 2))
    assert count_hooks(network) == 0


def test_shapes_are_those_of_a_real_forward_and_the_network_is_not_run() -> None:
    network = random_network("resnet18", seed=0).train()
    layers = ["layer1.1.conv2", "layer4.1.conv2"]
    before = {n: t.clone() for n, t in network.state_dict().items()}
    shapes = layer_shapes(network, layers, 96)
    assert shapes == {"layer1.1.conv2": (64, 24, 24), "layer4.1.conv2": (512, 3, 3)}
    assert layer_channels(network, layers, 96) == {"layer1.1.conv2": 64, "layer4.1.conv2": 512}
    assert network.training
    assert count_hooks(network) == 0
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
    with torch.no_grad(), FeatureMaps(network.eval(), layers) as captured:
        network(images(1, 96))
        assert {n: tuple(m.shape[1:]) for n, m in captured.maps.items()} == shapes

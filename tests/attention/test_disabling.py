"""Sets of disabled filters against plain hooks, one architecture a family, in float64."""

from __future__ import annotations

import pytest
import torch
from awake_networks import FAMILIES, awake, batch
from few import slow_but
from torch import Tensor, nn

from delta_app.attention.disabling import Disabling
from delta_app.models.behaviour_layers import default_behaviour_layers
from delta_app.models.feature_maps import count_hooks


def by_hooks(model: nn.Module, layer: str, images: Tensor, disabled: Tensor) -> Tensor:
    """The whole network, the layer's channels overwritten by zeros."""
    module = model.get_submodule(layer)

    def disable(m: nn.Module, i: object, out: Tensor) -> Tensor:
        out = out.clone()
        if isinstance(module, nn.Linear):
            out[..., disabled] = 0
        else:
            out[:, disabled] = 0
        return out

    handle = module.register_forward_hook(disable)
    logits: Tensor = model(images)
    handle.remove()
    return logits


def half_disabled(channels: int) -> Tensor:
    return torch.rand(channels, generator=torch.Generator().manual_seed(0)) < 0.5


@pytest.mark.parametrize("name", slow_but(["shufflenet_v2_x0_5"], FAMILIES))
@torch.no_grad()
def test_every_family_as_by_hooks(name: str) -> None:
    model, images = awake(name), batch(name)
    intact = model(images)
    for layer in default_behaviour_layers(name, model):
        disabling = Disabling(model, layer)
        assert disabling.traced
        rest = disabling.start(images)
        disabled = half_disabled(_channels(model, layer, images))
        expected = by_hooks(model, layer, images, disabled)
        assert (expected - intact).abs().max() > 1e-5 * intact.abs().max(), layer
        for found in (rest(disabled), rest(disabled)):  # twice: nothing may be used up
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-9 * intact.abs().max())
    assert count_hooks(model) == 0


def _channels(model: nn.Module, layer: str, images: Tensor) -> int:
    shapes: list[torch.Size] = []
    module = model.get_submodule(layer)
    handle = module.register_forward_hook(lambda m, i, o: shapes.append(o.shape))
    model(images)
    handle.remove()
    return shapes[0][-1 if isinstance(module, nn.Linear) else 1]


class Net(nn.Module):
    """Goes on to change in place what stood before the layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x += self.conv(x)
        return self.fc(x.relu_().mean((2, 3)))


class Untraceable(Net):
    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 1e9:  # a branch on values: torch.fx cannot follow it
            return self.fc(x.mean((2, 3)))
        return super().forward(x)


class Twice(Net):
    """Calls the layer a second time."""

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(self.conv(self.stem(x)).relu()).mean((2, 3)))


@pytest.mark.parametrize(("kind", "traced"), [(Net, True), (Untraceable, False), (Twice, False)])
@torch.no_grad()
def test_what_cannot_be_cut_gives_the_same(kind: type[Net], traced: bool) -> None:
    torch.manual_seed(0)
    net, images = kind().double().eval(), torch.randn(5, 3, 8, 8, dtype=torch.float64)
    disabling = Disabling(net, "conv")
    assert disabling.traced is traced
    rest = disabling.start(images)
    half = torch.tensor([True, False, True, False])
    for disabled in (half, half & False, half | True, ~half, half):
        expected = by_hooks(net, "conv", images, disabled)
        torch.testing.assert_close(rest(disabled), expected, rtol=0, atol=1e-12)
    assert count_hooks(net) == 0


@torch.no_grad()
def test_hooks_go_even_where_the_network_fails() -> None:
    net = Untraceable().eval()
    rest = Disabling(net, "conv").start(torch.randn(2, 5, 8, 8))  # five channels of colour
    with pytest.raises(RuntimeError):
        rest(torch.ones(4, dtype=torch.bool))
    assert count_hooks(net) == 0

"""Filter importance against one full forward pass a filter, in float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from delta_app.attention import ablation
from delta_app.attention.ablation import ImportanceEngine
from delta_app.attention.change import disabled
from delta_app.errors import AttentionError


class Block(nn.Module):
    """A residual block with an in-place addition and ReLU, as torchvision writes them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        return self.relu(out)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=2)
        self.one = Block(6)
        self.two = Block(6)
        self.fc = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.two(self.one(self.stem(x)))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class Untraceable(Net):
    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 1e9:  # a branch on values: torch.fx cannot follow it
            return self.fc(x.mean((2, 3)))
        return super().forward(x)


class Odd(Net):
    """Operations that no offered network has: without a rule, or called in other ways."""

    def __init__(self) -> None:
        super().__init__()
        self.odd = nn.Sequential(
            nn.Conv2d(6, 6, 3, padding=1, padding_mode="reflect"),
            nn.BatchNorm2d(6),  # an engine that took it into that convolution would lose it
            nn.Conv2d(6, 6, 3, padding="same"),
            nn.BatchNorm2d(6),
            nn.GroupNorm(2, 6),
            nn.PReLU(),
            nn.MaxPool2d(2, dilation=1, ceil_mode=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.two(self.one(self.stem(x)))
        left, right = torch.split(self.odd(x), 3, dim=1)
        x = torch.stack([left.tanh(), right**2], dim=1).flatten(1, 2)
        x = torch.cat(tensors=[x[:, 2:], F.layer_norm(x[:, :2], x.shape[-2:])], dim=1)
        x = x.permute(0, -1, 1, 2).permute(0, 2, 3, 1).contiguous()
        return self.fc(x.amax((2, 3)) + 0.5)


class Twice(Net):
    """Calls a layer a second time, on what it changed the first time."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.one.conv1(self.one.conv1(self.stem(x)).relu())
        return self.fc(self.two(x).mean((2, 3)))


class Viewed(Net):
    """Leaves one size of a view open, and puts a layer's output nowhere."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.one(self.stem(x))
        self.two.conv2(x)
        return self.fc(F.adaptive_avg_pool2d(x, 1).view(x.size(0), -1))


LAYERS = ("stem", "one.conv1", "one.conv2", "two.conv2")


def by_full_forwards(model: nn.Module, images: Tensor, labels: Tensor, layer: str) -> Tensor:
    """The authors' way: zero a filter's output, run everything, subtract; (C, N)."""
    module = model.get_submodule(layer)

    def loss() -> Tensor:
        return F.cross_entropy(model(images), labels, reduction="none")

    rises = []
    with torch.no_grad():
        intact = loss()
        for channel in range(6):

            def disable(m: nn.Module, i: object, out: Tensor, channel: int = channel) -> Tensor:
                out = out.clone()
                out[:, channel] = 0
                return out

            handle = module.register_forward_hook(disable)
            rises.append(loss() - intact)
            handle.remove()
    return torch.stack(rises)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(5, 3, 13, 13, dtype=torch.float64, generator=generator)
    return images, torch.tensor([0, 1, 2, 3, 1])


def build(kind: type[Net], dtype: torch.dtype = torch.float64) -> Net:
    generator = torch.Generator().manual_seed(1)
    net = kind().to(dtype).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(generator=generator)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 2, generator=generator)  # type: ignore[union-attr]
    return net


@pytest.mark.parametrize("kind", [Net, Odd, Untraceable])
def test_every_layer_as_by_full_forwards(kind: type[Net], batch: tuple[Tensor, Tensor]) -> None:
    net = build(kind)
    engine = ImportanceEngine(net, LAYERS)
    assert engine.traced == (kind is not Untraceable)
    measured = engine.measure(*batch)
    for layer in LAYERS:
        expected = by_full_forwards(net, *batch, layer)
        assert expected.abs().max() > 1e-3
        torch.testing.assert_close(measured[layer], expected, rtol=0, atol=1e-12)


def test_float32_channels_last_agrees_to_its_own_precision(batch: tuple[Tensor, Tensor]) -> None:
    images, labels = batch
    net = build(Net)
    expected = ImportanceEngine(net, LAYERS).measure(images, labels)
    net.float().to(memory_format=torch.channels_last)
    single = images.float().contiguous(memory_format=torch.channels_last)
    measured = ImportanceEngine(net, LAYERS).measure(single, labels)
    for layer in LAYERS:
        largest = expected[layer].abs().max().item()
        torch.testing.assert_close(measured[layer], expected[layer], rtol=0, atol=1e-4 * largest)


def test_splitting_the_filters_changes_nothing(
    batch: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = build(Net)
    together = ImportanceEngine(net, LAYERS).measure(*batch)
    monkeypatch.setattr(ablation, "filters_at_once", lambda largest: 1)
    counted: list[int] = []
    alone = ImportanceEngine(net, LAYERS).measure(*batch, counted.append)
    assert counted == [5] * 24
    for layer in LAYERS:
        torch.testing.assert_close(alone[layer], together[layer], rtol=0, atol=1e-12)


def test_a_batch_of_one_and_as_many_pictures_as_channels(batch: tuple[Tensor, Tensor]) -> None:
    images, labels = batch
    net = build(Net)
    whole = ImportanceEngine(net, LAYERS).measure(images, labels)
    first = ImportanceEngine(net, LAYERS).measure(images[:1], labels[:1])
    for layer in LAYERS:
        torch.testing.assert_close(first[layer], whole[layer][:, :1], rtol=0, atol=1e-12)
    six = torch.cat([images, images[:1]])  # six pictures, six channels
    wide = ImportanceEngine(net, LAYERS).measure(six, torch.cat([labels, labels[:1]]))
    torch.testing.assert_close(wide["stem"][:, 5], whole["stem"][:, 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [Net, Untraceable])
def test_the_network_is_left_as_it_was(kind: type[Net], batch: tuple[Tensor, Tensor]) -> None:
    net = build(kind)
    before = {n: t.clone() for n, t in net.state_dict().items()}
    ImportanceEngine(net, LAYERS).measure(*batch)
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert not any(m._forward_hooks for m in net.modules())
    assert not any(p.grad is not None for p in net.parameters())


def test_hooks_go_even_when_the_measurement_is_stopped(batch: tuple[Tensor, Tensor]) -> None:
    net = build(Untraceable)

    def stop(filters: int) -> None:
        net.fc.weight.data = net.fc.weight.data[:, :3]  # the next forward fails in its end

    with pytest.raises(RuntimeError):
        ImportanceEngine(net, LAYERS).measure(*batch, stop)
    assert not any(m._forward_hooks for m in net.modules())


@pytest.mark.parametrize(
    ("kind", "layer", "traced"),
    [(Twice, "one.conv1", False), (Viewed, "stem", True), (Viewed, "two.conv2", True)],
)
def test_layers_called_twice_or_for_nothing(
    kind: type[Net], layer: str, traced: bool, batch: tuple[Tensor, Tensor]
) -> None:
    net = build(kind)
    engine = ImportanceEngine(net, (layer,))
    assert engine.traced is traced
    expected = by_full_forwards(net, *batch, layer)
    torch.testing.assert_close(engine.measure(*batch)[layer], expected, rtol=0, atol=1e-12)
    assert bool(expected.any()) is (layer != "two.conv2")


def test_a_block_and_a_layer_within_it(batch: tuple[Tensor, Tensor]) -> None:
    net = build(Net)
    engine = ImportanceEngine(net, ("one", "one.conv2"))
    assert engine.traced
    found = engine.measure(*batch)
    for layer in ("one", "one.conv2"):
        expected = by_full_forwards(net, *batch, layer)
        torch.testing.assert_close(found[layer], expected, rtol=0, atol=1e-12)


def test_answers_that_are_no_numbers_are_named_at_once(batch: tuple[Tensor, Tensor]) -> None:
    net = build(Net)
    net.fc.weight.data.fill_(float("inf"))
    with pytest.raises(AttentionError, match="infinite or not a number"):
        ImportanceEngine(net, LAYERS).measure(*batch)


def test_a_disabled_channel_is_zero_and_the_others_stay() -> None:
    output = torch.arange(1.0, 25.0).view(2, 3, 2, 2)
    change = disabled(output, range(1, 3), dim=1)
    after = (output + change.spread(output.shape).by_variant()).unbind()
    for left, channel in zip(after, (1, 2), strict=True):
        assert left[:, channel].abs().sum() == 0
        others = [c for c in range(3) if c != channel]
        assert torch.equal(left[:, others], output[:, others])


def test_channels_may_lie_last() -> None:
    output = torch.arange(1.0, 13.0).view(1, 2, 2, 3)
    after = output + disabled(output, range(1), dim=3).spread(output.shape).by_variant()[0]
    assert after[..., 0].abs().sum() == 0
    assert torch.equal(after[..., 1:], output[..., 1:])

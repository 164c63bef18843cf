"""Curves of a network whose loss is known whatever is disabled."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from delta_app.attention.faithfulness_sweep import FaithfulnessSweep, disabled_sets
from delta_app.models.feature_maps import count_hooks


class Sum(nn.Module):
    """Logits (4 x1 + 2 x2 + 1 x3, 2.5): each channel of the layer is one addend."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 1, bias=False)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(3, 2)
        with torch.no_grad():
            self.layer.weight.copy_(torch.eye(3).view(3, 3, 1, 1))
            self.fc.weight.copy_(torch.tensor([[4.0, 2.0, 1.0], [0.0, 0.0, 0.0]]))
            self.fc.bias.copy_(torch.tensor([0.0, 2.5]))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.drop(self.layer(x).flatten(1)))


IMPORTANCE = {"layer": torch.tensor([3.0, 2.0, 1.0])}
ONES = torch.ones(1, 3, 1, 1, dtype=torch.float64)
FIRST = torch.tensor([0])


def log_loss(*first_logits: float) -> Tensor:
    """Of the first class against a second whose logit is 2.5."""
    return F.softplus(2.5 - torch.tensor(first_logits, dtype=torch.float64))


def test_loss_and_accuracy_by_hand() -> None:
    sweep = FaithfulnessSweep(Sum().double(), IMPORTANCE, orders=2, seed=0)
    sweep.add(ONES, FIRST)
    found = sweep.found()["layer"]
    assert found.shares.tolist() == [0, 1 / 3, 2 / 3, 1]
    torch.testing.assert_close(found.most.loss, log_loss(7, 3, 1, 0))
    torch.testing.assert_close(found.least.loss, log_loss(7, 6, 4, 0))
    assert found.most.accuracy.tolist() == [1, 1, 0, 0]
    assert found.least.accuracy.tolist() == [1, 1, 1, 0]
    gain = (log_loss(3, 1) - log_loss(6, 4)).sum() / 3  # both ends meet
    assert found.area == pytest.approx(float(gain))


def test_unlike_batches_weigh_by_their_pictures() -> None:
    """Of four pictures three are all zero: 7, 0, 0, 0 for the intact network."""
    sweep = FaithfulnessSweep(Sum().double(), IMPORTANCE, orders=1, seed=0)
    sweep.add(torch.cat([ONES, 0 * ONES, 0 * ONES]), FIRST.repeat(3))
    sweep.add(0 * ONES, torch.tensor([1]))
    found = sweep.found()["layer"]
    losses = [*log_loss(7, 0, 0).tolist(), float(log_loss(0)) - 2.5]
    assert float(found.most.loss[0]) == pytest.approx(sum(losses) / 4)
    assert float(found.most.accuracy[0]) == 2 / 4  # the last one's class is the second


class Wide(nn.Module):
    """Channels first and last, a BatchNorm behind, 13 filters each."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 13, 3, bias=False)
        self.norm = nn.BatchNorm2d(13)
        self.last = nn.Linear(13, 13)
        self.fc = nn.Linear(13, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.first(x)).relu().permute(0, 2, 3, 1)
        return self.fc(self.last(x).relu().mean((1, 2)))


@pytest.fixture
def wide() -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    net = Wide().double()
    net(torch.randn(8, 3, 9, 9, dtype=torch.float64))  # running statistics
    labels = torch.arange(7) % 4
    return net.eval(), torch.randn(7, 3, 9, 9, dtype=torch.float64), labels


def plainly(net: nn.Module, layer: str, filters: Tensor, images: Tensor, labels: Tensor) -> float:
    module = net.get_submodule(layer)

    def disable(m: nn.Module, i: object, out: Tensor) -> Tensor:
        out = out.clone()
        (out if layer == "last" else out.transpose(1, -1))[..., filters] = 0
        return out

    handle = module.register_forward_hook(disable)
    with torch.no_grad():
        loss = F.cross_entropy(net(images), labels)
    handle.remove()
    return float(loss)


def test_every_point_of_every_order_as_one_forward_with_a_hook(
    wide: tuple[nn.Module, Tensor, Tensor],
) -> None:
    net, images, labels = wide
    importance = {
        "first": torch.randn(13, generator=torch.Generator().manual_seed(1)),
        "last": torch.randn(13, generator=torch.Generator().manual_seed(2)),
    }
    sweep = FaithfulnessSweep(net, importance, orders=3, seed=5)
    for part in (slice(0, 4), slice(4, 7)):
        sweep.add(images[part], labels[part])
    for layer, found in sweep.found().items():
        most = importance[layer].argsort(descending=True)
        generator = torch.Generator().manual_seed(5)
        random = [torch.randperm(13, generator=generator) for _ in range(3)]
        curves = [found.most, found.least, *found.random]
        for order, curve in zip([most, most.flip(0), *random], curves, strict=True):
            for share, loss in zip(found.shares, curve.loss, strict=True):
                filters = order[: round(float(share) * 13)]
                expected = plainly(net, layer, filters, images, labels)
                assert float(loss) == pytest.approx(expected, abs=1e-12), layer


def test_orders_meet_exactly_at_none_and_all(wide: tuple[nn.Module, Tensor, Tensor]) -> None:
    net, images, labels = wide
    importance = {"first": torch.randn(13, generator=torch.Generator().manual_seed(1))}
    sweep = FaithfulnessSweep(net.float(), importance, orders=5, seed=0)
    sweep.add(images.float(), labels)
    found = sweep.found()["first"]
    losses = torch.stack([c.loss for c in (found.most, found.least, *found.random)])
    assert losses[:, 0].unique().numel() == losses[:, -1].unique().numel() == 1
    assert losses[:, 3].unique().numel() > 1
    with torch.no_grad():
        intact = F.cross_entropy(net(images.float()).double(), labels)
    assert float(losses[0, 0]) == pytest.approx(float(intact), rel=1e-6)


def test_a_variant_is_told_once_however_many_orders_meet_in_it(
    wide: tuple[nn.Module, Tensor, Tensor],
) -> None:
    net, images, labels = wide
    sweep = FaithfulnessSweep(net, {"first": torch.arange(13.0)}, orders=5, seed=0)
    # 14 points; of the 7 orders none and all are shared, at most the 12 between are their own.
    assert sweep.variants <= 2 + 7 * 12
    told: list[int] = []
    sweep.add(images, labels, told.append)
    assert len(told) == sweep.variants
    assert sum(told) == sweep.operations * len(images)


def test_a_layer_with_less_behind_it_counts_for_less(
    wide: tuple[nn.Module, Tensor, Tensor],
) -> None:
    net, _, _ = wide
    each = [
        FaithfulnessSweep(net, {layer: torch.arange(13.0)}, orders=5, seed=0).operations
        for layer in ("first", "last")
    ]
    assert each[0] > each[1] > 0
    both = FaithfulnessSweep(
        net, {"first": torch.arange(13.0), "last": torch.arange(13.0)}, orders=5, seed=0
    )
    assert both.operations == sum(each)


def test_modes_and_hooks_are_as_before_even_when_it_is_stopped(
    wide: tuple[nn.Module, Tensor, Tensor],
) -> None:
    net, images, labels = wide
    net.train()
    net.norm.eval()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}

    def stop(operations: int) -> None:
        raise KeyboardInterrupt

    sweep = FaithfulnessSweep(net, {"first": torch.arange(13.0)}, orders=1, seed=0)
    with pytest.raises(KeyboardInterrupt):
        sweep.add(images, labels, stop)
    assert net.training
    assert not net.norm.training
    assert net.fc.training
    assert count_hooks(net) == 0
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_dropout_rests_though_the_network_trains() -> None:
    net = Sum().double().train()
    sweep = FaithfulnessSweep(net, IMPORTANCE, orders=1, seed=0)
    sweep.add(ONES, FIRST)
    torch.testing.assert_close(sweep.found()["layer"].most.loss, log_loss(7, 3, 1, 0))


def test_logits_that_ran_away_still_give_numbers() -> None:
    net = Sum().double()
    with torch.no_grad():
        net.fc.bias[0] = float("nan")
    sweep = FaithfulnessSweep(net, IMPORTANCE, orders=1, seed=0)
    sweep.add(ONES, FIRST)
    torch.testing.assert_close(sweep.found()["layer"].most.loss, log_loss(0, 0, 0, 0))


def test_sets_are_the_beginnings_of_each_order() -> None:
    orders = [torch.tensor([2, 0, 1]), torch.tensor([1, 2, 0])]
    assert disabled_sets(orders, [0, 2, 3]).int().tolist() == [
        [[0, 0, 0], [1, 0, 1], [1, 1, 1]],
        [[0, 0, 0], [0, 1, 1], [1, 1, 1]],
    ]

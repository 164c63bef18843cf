"""The step against a plain script after the authors' code, method by method."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from delta_app.config import OptimizationSettings
from delta_app.models.feature_maps import count_hooks
from delta_app.regularizers import method
from delta_app.training import metric_names as names
from delta_app.training.devices import MixedPrecision
from delta_app.training.optimizers import build_optimizer
from delta_app.training.step import Step

LAYERS = ("conv1", "conv2")
BATCH, CLASSES, LR, STEPS = 6, 3, 0.05, 3


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 5, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(5)
        self.conv2 = nn.Conv2d(5, 7, 3, bias=False)
        self.bn2 = nn.BatchNorm2d(7)
        self.fc = nn.Linear(7, CLASSES)

    def maps(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        one = self.conv1(x)
        two = self.conv2(F.relu(self.bn1(one)))
        return one, two, self.fc(F.relu(self.bn2(two)).mean((2, 3)))

    def forward(self, x: Tensor) -> Tensor:
        return self.maps(x)[2]


@pytest.fixture
def source() -> Net:
    torch.manual_seed(0)
    net = Net().eval()
    net.bn1.running_mean.normal_()  # type: ignore[operator]
    return net.requires_grad_(False)


@pytest.fixture
def batches() -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(5)
    return [
        (
            torch.randn(BATCH, 3, 9, 9, generator=generator),
            torch.randint(CLASSES, (BATCH,), generator=generator),
        )
        for _ in range(STEPS)
    ]


def fresh_target(source: Net) -> Net:
    torch.manual_seed(1)
    target = copy.deepcopy(source).requires_grad_(True)
    target.fc = nn.Linear(7, CLASSES)
    return target


ATTENTION = {
    "conv1": torch.softmax(torch.arange(5.0), 0),
    "conv2": torch.softmax(torch.arange(7.0), 0),
}


def plain_script(
    name: str, source: Net, batches: list[tuple[Tensor, Tensor]], alpha: float, beta: float
) -> tuple[Net, list[float], list[float]]:
    """What the authors' train.py does, written out without any of the project's code."""
    target = fresh_target(source).train()
    decay = 1e-4 if name == "l2" else 0.0
    optimizer = torch.optim.SGD(target.parameters(), lr=LR, momentum=0.9, weight_decay=decay)
    start = dict(source.named_parameters())
    losses, penalties = [], []
    for images, labels in batches:
        t1, t2, logits = target.maps(images)
        with torch.no_grad():
            s1, s2, _ = source.maps(images)
        omega = torch.zeros(())
        if name == "l2_sp":
            for key, p in target.named_parameters():
                if not key.startswith("fc"):
                    omega = omega + 0.5 * torch.norm(p - start[key]) ** 2
        elif name == "feature_map":
            omega = 0.5 * (torch.norm(t1 - s1) ** 2 + torch.norm(t2 - s2) ** 2)
        elif name == "delta":
            for t, s, w in ((t1, s1, ATTENTION["conv1"]), (t2, s2, ATTENTION["conv2"])):
                n, c, h, wd = t.shape
                by_channel = torch.norm((t - s).reshape(n, c, h * wd), 2, 2) ** 2 / (h * wd)
                omega = omega + 0.5 * (c * w * by_channel).sum()
        head = 0.5 * (target.fc.weight.norm() ** 2 + target.fc.bias.norm() ** 2)
        loss = F.cross_entropy(logits, labels) + alpha * omega
        if name != "l2":
            loss = loss + beta * head
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        penalties.append(alpha * omega.item())
    return target, losses, penalties


def our_step(source: Net, name: str, settings: dict[str, Any], **options: Any) -> Step:
    cls = method(name)
    regularizer = cls(cls.Settings.model_validate({"method": name} | settings), ATTENTION)
    target = fresh_target(source)
    optimizer = build_optimizer(
        target,
        OptimizationSettings(lr=LR),
        weight_decay=regularizer.weight_decay,
        trains_backbone=regularizer.trains_backbone,
    )
    precision = options.pop("precision", MixedPrecision(torch.device("cpu"), None))
    return Step(target, source, regularizer, optimizer, precision, layers=LAYERS, **options)


@pytest.mark.parametrize(
    ("name", "alpha"), [("l2", 0.0), ("l2_sp", 0.1), ("feature_map", 1e-3), ("delta", 0.01)]
)
def test_every_method_as_a_plain_script_does_it(
    name: str, alpha: float, source: Net, batches: list[tuple[Tensor, Tensor]]
) -> None:
    expected, losses, penalties = plain_script(name, source, batches, alpha, beta=0.01)
    settings = {} if name == "l2" else {"alpha": alpha, "beta": 0.01}
    step = our_step(source, name, settings)
    measured = []
    with step:
        step.train_mode()
        for images, labels in batches:
            measured.append(step(images, labels))
    assert [m[names.LOSS_TOTAL].item() for m in measured] == pytest.approx(losses, rel=1e-5)
    if name != "l2":
        ours = [m[names.LOSS_BACKBONE].item() for m in measured]
        assert ours == pytest.approx(penalties, rel=1e-4, abs=1e-9)
        assert ours[-1] > 0
    for key, tensor in expected.state_dict().items():
        torch.testing.assert_close(step.target.state_dict()[key], tensor, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["l2", "l2_sp", "feature_map", "delta", "linear_probe"])
def test_the_source_never_trains_nor_leaves_eval_mode(
    name: str, source: Net, batches: list[tuple[Tensor, Tensor]]
) -> None:
    before = {n: t.clone() for n, t in source.state_dict().items()}
    step = our_step(source, name, {})
    with step:
        step.train_mode()
        for images, labels in batches:
            step(images, labels)
            assert not any(m.training for m in source.modules())
    assert all(torch.equal(t, before[n]) for n, t in source.state_dict().items())
    assert all(p.grad is None for p in source.parameters())


def test_hooks_are_gone_after_the_block_exceptions_included(source: Net) -> None:
    step = our_step(source, "delta", {})

    def broken_off() -> None:
        with step:
            assert count_hooks(source) * count_hooks(step.target) > 0
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    assert count_hooks(source) == count_hooks(step.target) == 0


@pytest.mark.parametrize("name", ["l2", "l2_sp"])
def test_methods_that_compare_no_maps_never_run_the_source(name: str, source: Net) -> None:
    step = our_step(source, name, {})
    source.register_forward_pre_hook(lambda m, i: pytest.fail("the source was run"))
    with step:
        step.train_mode()
        step(torch.randn(4, 3, 9, 9), torch.zeros(4, dtype=torch.long))


def test_the_probe_moves_nothing_but_the_head(
    source: Net, batches: list[tuple[Tensor, Tensor]]
) -> None:
    step = our_step(source, "linear_probe", {})
    before = {n: t.clone() for n, t in step.target.state_dict().items()}
    with step:
        step.train_mode()
        for images, labels in batches:
            step(images, labels)
    moved = {n for n, t in step.target.state_dict().items() if not torch.equal(t, before[n])}
    assert moved == {"fc.weight", "fc.bias"}


def test_batchnorm_moves_its_statistics_unless_frozen(
    source: Net, batches: list[tuple[Tensor, Tensor]]
) -> None:
    images, labels = batches[0]
    for frozen in (False, True):
        step = our_step(source, "delta", {}, frozen_batchnorm=frozen)
        with step:
            step.train_mode()
            first = step(images, labels)
        bn = step.target.get_submodule("bn1")
        same = torch.equal(bn.running_mean, source.bn1.running_mean)  # type: ignore[arg-type]
        assert same == frozen
        # With the source's statistics the maps are the source's until the first update.
        assert (first[names.LOSS_BACKBONE].item() == 0) == frozen


def test_label_smoothing_and_class_weights_reach_the_cross_entropy(
    source: Net, batches: list[tuple[Tensor, Tensor]]
) -> None:
    images, labels = batches[0]
    weights = torch.tensor([1.0, 5.0, 0.5])
    step = our_step(source, "l2", {}, label_smoothing=0.1, class_weights=weights)
    with step:
        step.train_mode()
        expected = F.cross_entropy(
            copy.deepcopy(step.target)(images), labels, weight=weights, label_smoothing=0.1
        )
        measured = step(images, labels)
    assert measured[names.LOSS_CROSS_ENTROPY].item() == pytest.approx(expected.item(), rel=1e-5)


def test_bf16_and_channels_last_keep_penalties_in_float32(
    source: Net, batches: list[tuple[Tensor, Tensor]]
) -> None:
    images, labels = batches[0]
    plain = our_step(source, "delta", {})
    with plain:
        plain.train_mode()
        expected = plain(images, labels)
    half = our_step(
        source, "delta", {}, precision=MixedPrecision(torch.device("cpu"), torch.bfloat16)
    )
    half.target.to(memory_format=torch.channels_last)
    with half:
        half.train_mode()
        measured = half(images.contiguous(memory_format=torch.channels_last), labels)
    for name in (names.LOSS_BACKBONE, names.LOSS_CROSS_ENTROPY, names.LOSS_TOTAL):
        assert measured[name].dtype is torch.float32
        assert measured[name].item() == pytest.approx(expected[name].item(), rel=0.03)
    assert all(p.dtype is torch.float32 for p in half.target.parameters())


class NothingIsRead(TorchDispatchMode):
    """Fails where a number is read from the device: on a GPU the host would wait there."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            pytest.fail("the step reads a number from the device")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("micro_batch", [None, 2])
@pytest.mark.parametrize("name", ["l2", "l2_sp", "feature_map", "delta", "linear_probe"])
def test_nothing_inside_a_step_waits_for_the_device(
    name: str, micro_batch: int | None, source: Net, batches: list[tuple[Tensor, Tensor]]
) -> None:
    step = our_step(source, name, {}, class_weights=torch.tensor([1.0, 5.0, 0.5]))
    step.micro_batch = micro_batch
    with step, NothingIsRead():
        step.train_mode()
        for images, labels in batches:
            step(images, labels)


@pytest.mark.cuda
@pytest.mark.parametrize("dtype", [None, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", ["l2", "delta"])
def test_on_cuda_as_on_the_cpu_and_without_waiting(
    name: str, dtype: torch.dtype | None, source: Net, batches: list[tuple[Tensor, Tensor]]
) -> None:
    cpu = our_step(source, name, {})
    with cpu:
        cpu.train_mode()
        expected = [cpu(*batch)[names.LOSS_TOTAL].item() for batch in batches]
    device = torch.device("cuda")
    cls = method(name)
    regularizer = cls(
        cls.Settings.model_validate({"method": name}),
        {layer: w.to(device) for layer, w in ATTENTION.items()},
    )
    target = fresh_target(source).to(device).to(memory_format=torch.channels_last)
    source.to(device).to(memory_format=torch.channels_last)
    optimizer = build_optimizer(
        target, OptimizationSettings(lr=LR), weight_decay=regularizer.weight_decay
    )
    precision = MixedPrecision(device, dtype)
    step = Step(target, source, regularizer, optimizer, precision, layers=LAYERS)
    on_device = [
        (x.to(device).contiguous(memory_format=torch.channels_last), y.to(device))
        for x, y in batches
    ]
    measured = []
    with step:
        step.train_mode()
        measured.append(step(*on_device[0]))  # the first builds the optimizer's and scaler's state
        torch.cuda.set_sync_debug_mode("error")
        try:
            measured += [step(*batch) for batch in on_device[1:]]
        finally:
            torch.cuda.set_sync_debug_mode("default")
    losses = [m[names.LOSS_TOTAL].item() for m in measured]
    assert losses == pytest.approx(expected, rel=1e-3 if dtype is None else 0.05)

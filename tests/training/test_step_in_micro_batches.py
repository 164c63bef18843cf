"""A step in micro-batches is the whole batch's, and running out of memory leaves no trace."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from narrow import CLASSES, Net, drawn_batches, narrow_step
from torch import Tensor

from delta_app.errors import TrainingError
from delta_app.models.feature_maps import count_hooks
from delta_app.training import metric_names as names
from delta_app.training.micro_batches import Smaller
from delta_app.training.step import Step

EVERY = [
    ("linear_probe", {}),
    ("l2", {}),
    ("l2_sp", {"alpha": 0.1}),
    ("l2_sp", {"alpha": 0.1, "parameters": "convolutions"}),
    ("feature_map", {"alpha": 1e-3}),
    ("feature_map", {"alpha": 1e-3, "batch_reading": "per_64"}),
    ("delta", {"alpha": 0.1}),
    ("delta", {"alpha": 0.1, "batch_reading": "per_64"}),
]
PLAIN = {"label_smoothing": 0.0, "class_weights": None}
WEIGHED = {"label_smoothing": 0.1, "class_weights": torch.tensor([1.0, 5.0, 0.25]).double()}


def run(
    step: Step, batches: list[tuple[Tensor, Tensor]], micro_batch: int | None = None
) -> list[dict[str, Tensor]]:
    with step:
        step.train_mode()
        step.micro_batch = micro_batch
        return [step(images, labels) for images, labels in batches]


def state(step: Step, net: Net, optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """All that a later step hangs on."""
    momenta = [
        value
        for each in optimizer.state_dict()["state"].values()
        for value in each.values()
        if isinstance(value, Tensor)
    ]
    drawing = net.before.generator
    assert isinstance(drawing, torch.Generator)
    return [*net.state_dict().values(), *momenta, drawing.get_state()]


@pytest.mark.parametrize("options", [PLAIN, WEIGHED], ids=["plain", "weighed and smoothed"])
@pytest.mark.parametrize("frozen_batchnorm", [False, True])
@pytest.mark.parametrize(("name", "settings"), EVERY, ids=lambda v: str(v))
def test_gradients_terms_and_updates_are_the_whole_batchs(
    name: str, settings: dict[str, Any], frozen_batchnorm: bool, options: dict[str, Any]
) -> None:
    batches = drawn_batches(3, 7, torch.float64)

    def ran(micro_batch: int | None) -> tuple[list[Tensor], list[dict[str, Tensor]], Net]:
        step, net, _ = narrow_step(
            name,
            settings,
            batchnorm=frozen_batchnorm,
            dtype=torch.float64,
            frozen_batchnorm=frozen_batchnorm,
            **options,
        )
        terms = run(step, batches, micro_batch)
        gradients = [p.grad for p in net.parameters() if p.grad is not None]
        return gradients, terms, net

    gradients, terms, net = ran(None)
    assert net.narrow.seen == [7] * 3
    assert len(gradients) == 2 if name == "linear_probe" else len(gradients) > 2
    for micro_batch, sizes in ((4, [4, 3]), (3, [3, 2, 2]), (1, [1] * 7)):
        others, their_terms, other = ran(micro_batch)
        assert other.narrow.seen == sizes * 3
        exactly = {"rtol": 1e-12, "atol": 1e-12}
        torch.testing.assert_close(others, gradients, **exactly)
        torch.testing.assert_close(their_terms, terms, **exactly)
        torch.testing.assert_close(other.state_dict(), net.state_dict(), **exactly)


def test_batchnorm_in_train_mode_takes_its_statistics_of_each_micro_batch() -> None:
    """That is its nature: what it gives and how its running ones move are other numbers."""
    batches = drawn_batches(1, 8, torch.float64)
    step, net, _ = narrow_step(dtype=torch.float64)
    with torch.no_grad():
        means = [
            net.conv1(part).mean((0, 2, 3)) for part in (*batches[0][0].split(4), batches[0][0])
        ]
    (whole,) = run(step, batches)
    torch.testing.assert_close(net.bn1.running_mean, 0.1 * means[2])
    step, net, _ = narrow_step(dtype=torch.float64)
    (parts,) = run(step, batches, 4)
    torch.testing.assert_close(net.bn1.running_mean, 0.09 * means[0] + 0.1 * means[1])
    assert net.bn1.num_batches_tracked == 2
    assert parts[names.LOSS_TOTAL] != whole[names.LOSS_TOTAL]
    assert parts[names.LOSS_TOTAL].item() == pytest.approx(whole[names.LOSS_TOTAL].item(), rel=0.2)


def test_batchnorm_in_train_mode_never_sees_a_single_picture() -> None:
    step, net, _ = narrow_step()
    run(step, drawn_batches(1, 7), 2)
    assert net.narrow.seen == [3, 2, 2]
    step, net, _ = narrow_step(frozen_batchnorm=True)
    run(step, drawn_batches(1, 7), 2)
    assert net.narrow.seen == [2, 2, 2, 1]


@pytest.mark.slow
@pytest.mark.parametrize("spared", [0, 1], ids=["first part", "second part"])
@pytest.mark.parametrize(
    ("name", "backward"),
    [
        ("linear_probe", False),  # before its head nothing has a way back
        *((name, way) for name in ("l2", "l2_sp", "feature_map", "delta") for way in (False, True)),
    ],
)
def test_a_run_that_ran_out_is_the_run_that_was_set_to_smaller_parts_to_the_last_bit(
    name: str, backward: bool, spared: int
) -> None:
    """From the third step on: with BatchNorm and dropout, over parts that went well before."""
    batches, told = drawn_batches(5, 8), list[Smaller]()
    options = {"dropout": 0.4, "on_smaller": told.append}
    broken, planned = (narrow_step(name, **options) for _ in range(2))
    terms: list[list[dict[str, Tensor]]] = [[], []]
    for which, (step, net, _) in enumerate((broken, planned)):
        with step:
            step.train_mode()
            step.micro_batch = 4  # so that a part before the failing one has changed things
            for number, batch in enumerate(batches):
                if number == 2 and which == 0:
                    net.narrow.most, net.narrow.backward = 2, backward
                    net.narrow.spared = spared
                elif number == 2:
                    step.micro_batch = 2
                terms[which].append(step(*batch))
    assert broken[1].narrow.kept, "memory never ran out"
    assert broken[0].micro_batch == 2
    assert [(each.sizes, each.most) for each in told] == [((2, 2, 2, 2), 2)]
    assert terms[0] == terms[1]
    for one, other in zip(state(*broken), state(*planned), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
def test_what_torchs_own_allocator_refuses_is_taken_the_same_way(backward: bool) -> None:
    step, net, _ = narrow_step("delta")
    net.narrow.most, net.narrow.backward, net.narrow.really = 4, backward, True
    run(step, drawn_batches(2, 8))
    assert net.narrow.seen == [8, 4, 4, 4, 4]
    assert net.narrow.kept == []  # none of the test's own making


@pytest.mark.parametrize("name", ["l2", "delta"])
def test_it_halves_as_often_as_it_must_and_stays_there(name: str) -> None:
    told = list[Smaller]()
    step, net, _ = narrow_step(name, batchnorm=False, on_smaller=told.append)
    net.narrow.most = 1
    run(step, drawn_batches(2, 7))
    assert net.narrow.seen == [7, 4, 2, *[1] * 7, *[1] * 7]
    assert [(each.sizes, each.most, each.batchnorm) for each in told] == [((1,) * 7, 1, False)]


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
def test_the_failed_trys_tensors_are_gone_when_memory_is_given_back(
    backward: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the device would get nothing back, and the next try find no room."""
    step, net, optimizer = narrow_step("delta")
    net.narrow.most, net.narrow.backward = 4, backward
    looked: list[torch.device] = []

    def look(device: torch.device) -> None:
        looked.append(device)
        assert all(reference() is None for reference in net.narrow.lost)
        for maps in (step._source_maps, step._target_maps):
            assert maps is not None
            assert not maps.maps
        assert all(p.grad is None for group in optimizer.param_groups for p in group["params"])

    monkeypatch.setattr("delta_app.training.step.give_back", look)
    run(step, drawn_batches(1, 8))
    assert looked == [torch.device("cpu")]


def test_the_source_may_be_the_one_that_does_not_fit() -> None:
    step, net, _ = narrow_step("delta")
    source = step._source
    assert isinstance(source, Net)
    source.narrow.most = 4
    run(step, drawn_batches(2, 8))
    assert net.narrow.seen == [8, 4, 4, 4, 4]
    assert source.narrow.seen == [8, 4, 4, 4, 4]


@pytest.mark.parametrize(
    ("batchnorm", "pictures", "tried"), [(True, 8, [8, 4, 2]), (True, 3, [3]), (False, 2, [2, 1])]
)
def test_where_not_even_the_smallest_part_fits_the_run_ends_with_a_cure(
    batchnorm: bool, pictures: int, tried: list[int]
) -> None:
    step, net, optimizer = narrow_step("delta", batchnorm=batchnorm, dropout=0.4)
    before = [tensor.clone() for tensor in state(step, net, optimizer)]
    net.narrow.most = 0
    with pytest.raises(TrainingError, match=rf"even with {tried[-1]} pictures? of 9 px") as caught:
        run(step, drawn_batches(1, pictures))
    assert net.narrow.seen == tried
    assert "smaller picture size" in caught.value.cure
    assert ("frozen BatchNorm" in caught.value.cure) == batchnorm
    weights = dict(net.named_parameters())
    for tensor, (key, value) in zip(before, net.state_dict().items(), strict=False):
        assert key not in weights or torch.equal(tensor, value)
    assert count_hooks(net) == 0


def test_memory_that_runs_out_in_the_update_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some weights may have moved: trying again would move them twice."""
    step, net, optimizer = narrow_step()

    def full(*args: Any, **options: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(optimizer, "step", full)
    with pytest.raises(TrainingError, match="optimizer's update") as caught:
        run(step, drawn_batches(1, 8))
    assert caught.value.cure
    assert net.narrow.seen == [8]


def test_any_other_error_is_passed_on() -> None:
    step, net, _ = narrow_step()
    net.fc = torch.nn.Linear(8, CLASSES)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        run(step, drawn_batches(1, 8))
    assert net.narrow.seen == [8]
    assert step.micro_batch is None


def test_fp16_scales_and_updates_once_a_batch() -> None:
    steps = 3
    batches = drawn_batches(steps, 8)
    results = []
    for micro_batch in (None, 3):
        step, net, optimizer = narrow_step(
            "delta", {"alpha": 0.01}, batchnorm=False, precision=torch.float16
        )
        updates: list[int] = []
        optimizer.register_step_post_hook(lambda *_, updates=updates: updates.append(1))
        terms = run(step, batches, micro_batch)
        assert len(updates) == steps
        results.append(([t[names.LOSS_TOTAL] for t in terms], dict(net.named_parameters())))
    torch.testing.assert_close(results[1], results[0], rtol=0.02, atol=1e-3)


def test_fp16_skips_the_whole_update_where_one_part_overflows() -> None:
    images, labels = drawn_batches(1, 6)[0]
    images[5] *= 1e6  # of the last part alone
    step, net, _ = narrow_step(batchnorm=False, precision=torch.float16)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    run(step, [(images, labels)], 2)
    assert net.narrow.seen == [2, 2, 2]
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


@pytest.mark.cuda
@pytest.mark.parametrize("name", ["l2", "delta"])
def test_a_gpu_that_is_really_full(name: str) -> None:
    """Memory is taken away from torch until a batch that fitted no longer does."""
    device, told = torch.device("cuda"), list[Smaller]()
    step, _, _ = narrow_step(name, dropout=0.2, device=device, on_smaller=told.append)
    images = torch.randn(64, 3, 256, 256, device=device)
    labels = torch.randint(CLASSES, (64,), device=device)
    with step:
        step.train_mode()
        step(images, labels)
        used = torch.cuda.max_memory_allocated(device)
        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(0.7 * used / total, device)
        try:
            terms = step(images, labels)
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0, device)
    assert told
    assert terms[names.LOSS_TOTAL].isfinite()

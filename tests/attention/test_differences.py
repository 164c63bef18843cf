"""Changes against float64's subtraction, and small ones in float32 to float32's own precision."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from delta_app.attention import differences

PAIRS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    "relu": (F.relu, lambda x, d: differences.clamp(x, d, 0.0, None)),
    "relu6": (F.relu6, lambda x, d: differences.clamp(x, d, 0.0, 6.0)),
    "sigmoid": (torch.sigmoid, differences.sigmoid),
    "silu": (F.silu, differences.silu),
    "hardsigmoid": (F.hardsigmoid, differences.hardsigmoid),
    "hardswish": (F.hardswish, differences.hardswish),
    "gelu": (F.gelu, differences.gelu),
    "layer_norm": (
        lambda x: F.layer_norm(x, x.shape[-1:], eps=1e-6),
        lambda x, d: differences.layer_norm(x, d, 1, None, 1e-6),
    ),
}


def values(scale: float) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = 4 * torch.randn(2000, 16, dtype=torch.float64, generator=generator)
    return x, scale * torch.randn(2000, 16, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("scale", [1e-3, 0.3, 2.0, 50.0])
@pytest.mark.parametrize("name", PAIRS)
def test_the_change_is_that_of_the_function(name: str, scale: float) -> None:
    function, change = PAIRS[name]
    x, d = values(scale)
    expected = function(x + d) - function(x)
    atol = 1e-10 * min(scale, 1.0) + 1e-14
    torch.testing.assert_close(change(x, d), expected, rtol=1e-9, atol=atol)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["sigmoid", "silu", "gelu", "hardswish"])
def test_values_far_out_come_back(name: str, dtype: torch.dtype) -> None:
    """Where exp would overflow or a sigmoid is exactly 0 or 1."""
    function, change = PAIRS[name]
    far = torch.tensor([-2000.0, -300, -90, -5, 0, 5, 90, 300, 2000], dtype=dtype)
    x, after = far.view(-1, 1), far.view(1, -1)
    expected = function(after) - function(x)
    torch.testing.assert_close(change(x, after - x), expected, rtol=1e-5, atol=1e-14)


@pytest.mark.parametrize("name", PAIRS)
def test_a_small_change_keeps_its_digits_in_float32(name: str) -> None:
    """Where subtraction in float32 has lost nearly all of them."""
    function, change = PAIRS[name]
    x, d = (each.float() for each in values(1e-6))
    truth = (function(x.double() + d.double()) - function(x.double())).norm()
    ours = change(x, d).double()
    exact = function(x.double() + d.double()) - function(x.double())
    subtracted = (function(x + d) - function(x)).double()
    assert (ours - exact).norm() < 3e-6 * truth
    assert (subtracted - exact).norm() > 1e-2 * truth


@pytest.mark.parametrize("scale", [1e-6, 0.1, 5.0, 200.0])
def test_cross_entropy(scale: float) -> None:
    generator = torch.Generator().manual_seed(1)
    z = 3 * torch.randn(6, 10, dtype=torch.float64, generator=generator)
    d = scale * torch.randn(4, 6, 10, dtype=torch.float64, generator=generator)
    labels = torch.tensor([0, 1, 2, 3, 9, 9])
    expected = torch.stack(
        [
            F.cross_entropy(z + each, labels, reduction="none")
            - F.cross_entropy(z, labels, reduction="none")
            for each in d
        ]
    )
    torch.testing.assert_close(
        differences.cross_entropy(z, d, labels), expected, rtol=1e-9, atol=1e-14
    )


@pytest.mark.parametrize(
    ("z", "d", "expected"),
    [
        # log(e^10 + 1) - 10, less log(e^60 + 1) - 60, which is e^-60
        ((60.0, 0.0), (-50.0, 0.0), 4.5398899216870535e-05),
        ((40.0, 0.0), (-35.0, 0.0), 0.006715348489118068),
        ((0.0, 0.0), (-40.0, -40.0), 0.0),  # both fall alike
    ],
)
def test_logits_that_fall_far(
    z: tuple[float, float], d: tuple[float, float], expected: float
) -> None:
    """No change is above 1, and yet the sum of p expm1(d) is as good as -1."""
    found = differences.cross_entropy(
        torch.tensor([z]), torch.tensor([[d]]).double(), torch.tensor([0])
    )
    assert found.item() == pytest.approx(expected, abs=1e-13)


def test_a_tiny_rise_in_loss_by_hand() -> None:
    """Two classes at even odds: the loss of the first rises by -d/2 + d^2/8 for a change of d."""
    d = torch.tensor([[[1e-9, 0.0]]], dtype=torch.float64)
    rise = differences.cross_entropy(torch.zeros(1, 2), d, torch.tensor([0]))
    assert rise.item() == pytest.approx(-0.5e-9 + 0.125e-18, rel=1e-12)


@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": 2, "stride": 2},
        {"kernel_size": 3, "stride": 2, "ceil_mode": True},
        {"kernel_size": 3, "stride": 1, "padding": 1},
    ],
)
def test_max_pool(settings: dict[str, object]) -> None:
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(2, 3, 9, 9, dtype=torch.float64, generator=generator)
    d = 0.5 * torch.randn(3, 2, 3, 9, 9, dtype=torch.float64, generator=generator)
    expected = [F.max_pool2d(x + each, **settings) - F.max_pool2d(x, **settings) for each in d]
    changed = differences.max_pool(x, d.flatten(0, 1), 3, **settings)
    torch.testing.assert_close(changed, torch.cat(expected), rtol=0, atol=1e-14)


def test_product() -> None:
    x, dx = values(0.1)
    y, dy = x.flip(0), dx.flip(0)
    for change_x, change_y in ((dx, None), (None, dy), (dx, dy)):
        after_x = x if change_x is None else x + change_x
        after_y = y if change_y is None else y + change_y
        torch.testing.assert_close(
            differences.product(x, change_x, y, change_y),
            after_x * after_y - x * y,
            rtol=1e-9,
            atol=1e-12,
        )

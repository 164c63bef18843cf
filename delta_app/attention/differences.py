"""How much a function's value changes when its input does, without subtracting the two values.

f(x + d) - f(x) computed by subtraction loses the digits of a small d: in float32 a change of 1e-6
beside a value of 1 keeps one. Each function here takes the change d itself and forms the result
from it, so that it has about as many right digits as d.

Every function takes x (base) and d (change) of shapes that broadcast, and returns the change of f.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from numpy.polynomial import Polynomial
from torch import Tensor

Parts = tuple[Tensor, ...]
"""What a function's change needs of the base alone: made once for all the changes of a base."""


def clamp(x: Tensor, d: Tensor, low: float, high: float | None) -> Tensor:
    """Of min(max(x, low), high): ReLU is low 0, ReLU6 low 0 and high 6."""
    return clamp_change(d, *clamp_parts(x, low, high))


def clamp_parts(x: Tensor, low: float, high: float | None) -> Parts:
    """x - y, low - y and high - y, with y = f(x).

    f(x + d) - y = clamp(d + (x - y), low - y, high - y), and x - y is exactly 0 wherever x was
    not clamped.
    """
    y = x.clamp(low, high)
    return (x - y, low - y) if high is None else (x - y, low - y, high - y)


def clamp_change(d: Tensor, shift: Tensor, low: Tensor, high: Tensor | None = None) -> Tensor:
    """The change of a clamp from its parts."""
    changed = d + shift
    torch.maximum(changed, low, out=changed)
    if high is not None:
        torch.minimum(changed, high, out=changed)
    return changed


def sigmoid(x: Tensor, d: Tensor) -> Tensor:
    """Of s(x) = 1 / (1 + exp(-x))."""
    return sigmoid_change(d, *sigmoid_parts(x))


_FAR = 40.0
"""exp of twice as much is finite in float32; beyond it the sigmoid is 0 or 1 to 4e-18."""


def sigmoid_parts(x: Tensor) -> Parts:
    """s(x), s(-x), their product, the slope, and the parts of a clamp to where it is curved."""
    near = x.clamp(-_FAR, _FAR)
    up, down = torch.sigmoid(near), torch.sigmoid(-near)
    return up, down, up * down, *clamp_parts(x, -_FAR, _FAR)


def sigmoid_change(d: Tensor, up: Tensor, down: Tensor, slope: Tensor, *near: Tensor) -> Tensor:
    """s(x + d) - s(x) = s(x) s(-x) (exp(d) - 1) / (s(-x) + s(x) exp(d))."""
    d = clamp_change(d, *near)
    below = torch.addcmul(down, up, d.exp())
    return d.expm1_().mul_(slope).div_(below)


def silu(x: Tensor, d: Tensor) -> Tensor:
    """Of x s(x)."""
    return silu_change(d, *silu_parts(x))


def silu_parts(x: Tensor) -> Parts:
    """x, s(x), and what the sigmoid's change needs."""
    return x, torch.sigmoid(x), *sigmoid_parts(x)


def silu_change(d: Tensor, x: Tensor, s: Tensor, *parts: Tensor) -> Tensor:
    """d s(x) + (x + d) (s(x + d) - s(x))."""
    return sigmoid_change(d, *parts).mul_(x + d).addcmul_(d, s)


def hardsigmoid(x: Tensor, d: Tensor) -> Tensor:
    """Of min(max(x + 3, 0), 6) / 6."""
    return hardsigmoid_change(d, *hardsigmoid_parts(x))


def hardsigmoid_parts(x: Tensor) -> Parts:
    """Those of a clamp to where it rises."""
    return clamp_parts(x, -3.0, 3.0)


def hardsigmoid_change(d: Tensor, *parts: Tensor) -> Tensor:
    """A sixth of the clamp's change."""
    return clamp_change(d, *parts).div_(6)


def hardswish(x: Tensor, d: Tensor) -> Tensor:
    """Of x h(x), h the hard sigmoid."""
    return hardswish_change(d, *hardswish_parts(x))


def hardswish_parts(x: Tensor) -> Parts:
    """x, h(x), and what the hard sigmoid's change needs."""
    return x, F.hardsigmoid(x), *hardsigmoid_parts(x)


def hardswish_change(d: Tensor, x: Tensor, h: Tensor, *parts: Tensor) -> Tensor:
    """d h(x) + (x + d) (h(x + d) - h(x))."""
    return hardsigmoid_change(d, *parts).mul_(x + d).addcmul_(d, h)


def gelu(x: Tensor, d: Tensor) -> Tensor:
    """Of x P(x), P the normal distribution."""
    return gelu_change(d, *gelu_parts(x))


def gelu_parts(x: Tensor) -> Parts:
    """x, the value, and the coefficients of Taylor's series around x, from the first order on.

    With p the normal density, the slope is P + x p; every further derivative is a polynomial
    times p: Q_2 = 2 - x^2, and Q_(n+1) = Q_n' - x Q_n.
    """
    density = torch.exp(-0.5 * x.square()) / math.sqrt(2 * math.pi)
    coefficients = [0.5 * torch.erfc(x * -math.sqrt(0.5)) + x * density]
    polynomial = Polynomial([2.0, 0.0, -1.0])
    for order in range(2, _gelu_reach(x.dtype)[0] + 1):
        value = torch.zeros_like(x)
        for power in reversed(polynomial.coef.tolist()):
            value = value * x + power
        coefficients.append(value * density / math.factorial(order))
        polynomial = polynomial.deriv() - Polynomial([0.0, 1.0]) * polynomial
    return x, F.gelu(x), *coefficients


def gelu_change(d: Tensor, x: Tensor, y: Tensor, *coefficients: Tensor) -> Tensor:
    """Taylor's series for short changes; a longer one loses little by subtraction."""
    series = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        series = torch.addcmul(coefficient, series, d)
    subtracted = F.gelu(x + d).sub_(y)
    return torch.where(d.abs() < _gelu_reach(d.dtype)[1], series * d, subtracted)


def _gelu_reach(dtype: torch.dtype) -> tuple[int, float]:
    """Terms, and the longest change, with which the series errs by less than 4e-8 of the change,
    in float64 by less than 1e-12: |Q_n p| stays below sqrt(n!)."""
    return (12, 0.25) if dtype == torch.float64 else (5, 0.0625)


def product(x: Tensor, dx: Tensor | None, y: Tensor, dy: Tensor | None) -> Tensor:
    """Of x y, where either may be unchanged (None): dx (y + dy) + x dy."""
    if dx is None:
        return x * dy if dy is not None else torch.zeros_like(x * y)
    if dy is None:
        return dx * y
    return dx * (y + dy) + x * dy


def layer_norm(x: Tensor, d: Tensor, axes: int, weight: Tensor | None, eps: float) -> Tensor:
    """Of (x - mean) / s * weight + bias over the last `axes` axes, s = sqrt(variance + eps)."""
    c, variance = layer_norm_parts(x, axes)
    return layer_norm_change(d, c, variance, axes, weight, eps)


def layer_norm_parts(x: Tensor, axes: int) -> tuple[Tensor, Tensor]:
    """c = x - mean(x), and the variance, in which each of these axes has one element."""
    over = tuple(range(-axes, 0))
    c = x - x.mean(over, keepdim=True)
    return c, c.square().mean(over, keepdim=True)


def layer_norm_change(
    d: Tensor, c: Tensor, variance: Tensor, axes: int, weight: Tensor | None, eps: float
) -> Tensor:
    """With e = d - mean(d) the variance changes by v = mean(e^2 + 2 c e), and 1/s' - 1/s =
    -v / (s s' (s + s')), so the change is (e / s' + c (1/s' - 1/s)) weight."""
    over = tuple(range(-axes, 0))
    e = d - d.mean(over, keepdim=True)
    v = torch.add(e, c, alpha=2).mul_(e).mean(over, keepdim=True)
    s = (variance + eps).sqrt()
    after = (variance + v + eps).clamp(min=eps).sqrt()
    changed = e.div_(after).addcmul_(c, v / (s * after * (s + after)), value=-1)
    return changed if weight is None else changed.mul_(weight)


def max_pool(x: Tensor, d: Tensor, variants: int, **settings: Any) -> Tensor:
    """Of the maximum over windows.

    Args:
        x: (N, C, H, W).
        d: (variants * N, C, H, W).
        settings: as `torch.nn.functional.max_pool2d` takes them.

    The window's new maximum stands at some place p: the change is d[p] + (x[p] - max x), and the
    bracket is exactly 0 where p is where the maximum stood before.
    """
    before = F.max_pool2d(x, **settings)
    shifted = (d.unflatten(0, (variants, -1)) + x).flatten(0, 1)
    _, places = F.max_pool2d(shifted, return_indices=True, **settings)
    at = places.flatten(2)
    wide = x.flatten(2).unsqueeze(0).expand(variants, -1, -1, -1)
    moved = wide.gather(3, at.unflatten(0, (variants, -1))).view(variants, *before.shape) - before
    return d.flatten(2).gather(2, at).view_as(places) + moved.flatten(0, 1)


def below_maximum(x: Tensor, **settings: Any) -> Tensor:
    """x - max x for windows that lie side by side, exactly 0 where the maximum stands.

    The change of the maximum is then the maximum of d + this.

    Args:
        x: (N, C, H, W), H and W multiples of the windows'.
    """
    highest = F.max_pool2d(x, **settings)
    rows, columns = (x.shape[axis] // highest.shape[axis] for axis in (2, 3))
    return x - highest.repeat_interleave(rows, 2).repeat_interleave(columns, 3)


def cross_entropy(logits: Tensor, d: Tensor, labels: Tensor) -> Tensor:
    """Of log(sum exp z) - z_label: log(sum_k p_k exp(d_k)) - d_label, p the softmax of z.

    Args:
        logits: (N, K), z.
        d: (F, N, K).
        labels: (N,), class indices.

    Returns:
        (F, N), float64.
    """
    z, d = logits.double(), d.double()
    p = z.softmax(dim=1)
    grown = (p * torch.expm1(d.clamp(max=1.0))).sum(dim=2)
    large = (z + d).logsumexp(dim=2) - z.logsumexp(dim=1)
    # Near -1 the sum has lost its digits, and the logarithm is far from zero: nothing cancels.
    small = (d.amax(dim=2) <= 1.0) & (grown > -0.5)
    of_label = d.gather(2, labels.view(1, -1, 1).expand(d.shape[0], -1, 1)).squeeze(2)
    return torch.where(small, torch.log1p(grown.clamp(min=-0.5)), large) - of_label

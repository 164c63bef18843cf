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
from torch import Tensor

# Nodes and weights of Gauss-Legendre's rule with five points on [0, 1].
_HALF_NODES = (0.0, 0.5384693101056831, 0.9061798459386640)
_HALF_WEIGHTS = (0.5688888888888889, 0.4786286704993665, 0.2369268850561891)
_NODES = tuple(0.5 * (1 + s * n) for n in _HALF_NODES for s in ((1.0,) if n == 0 else (-1.0, 1.0)))
_WEIGHTS = tuple(
    0.5 * w
    for n, w in zip(_HALF_NODES, _HALF_WEIGHTS, strict=True)
    for _ in ((1,) if n == 0 else (1, 1))
)

SHORT = 0.5
"""Changes below it are integrated by five points, to 1e-11; longer ones lose little to
subtraction."""


def clamp(x: Tensor, d: Tensor, low: float | None, high: float | None) -> Tensor:
    """Of min(max(x, low), high): ReLU is low 0, ReLU6 low 0 and high 6."""
    return clamped(d, *clamp_parts(x, low, high))


def clamp_parts(
    x: Tensor, low: float | None, high: float | None
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """What `clamped` needs of the base: x - y, low - y and high - y, with y = f(x).

    f(x + d) - y = clamp(d + (x - y), low - y, high - y), and x - y is exactly 0 wherever x was
    not clamped.
    """
    y = x.clamp(low, high)
    return x - y, None if low is None else low - y, None if high is None else high - y


def clamped(d: Tensor, shift: Tensor, low: Tensor | None, high: Tensor | None) -> Tensor:
    """The change of a clamp from its parts."""
    changed = d + shift
    if low is not None:
        torch.maximum(changed, low, out=changed)
    if high is not None:
        torch.minimum(changed, high, out=changed)
    return changed


def sigmoid(x: Tensor, d: Tensor) -> Tensor:
    """s(x + d) - s(x) = (1 - s(x)) s(x + d) (1 - exp(-d)), with the sign that cannot overflow."""
    rise = torch.sigmoid(-x) * torch.sigmoid(x + d) * -torch.expm1(-d.clamp(min=0))
    fall = torch.sigmoid(x) * torch.sigmoid(-(x + d)) * torch.expm1(d.clamp(max=0))
    return torch.where(d > 0, rise, fall)


def silu(x: Tensor, d: Tensor) -> Tensor:
    """Of x s(x): d s(x + d) + x (s(x + d) - s(x))."""
    return d * torch.sigmoid(x + d) + x * sigmoid(x, d)


def hardsigmoid(x: Tensor, d: Tensor) -> Tensor:
    """Of min(max(x + 3, 0), 6) / 6."""
    return clamp(x, d, -3.0, 3.0) / 6


def hardswish(x: Tensor, d: Tensor) -> Tensor:
    """Of x h(x), h the hard sigmoid."""
    return d * F.hardsigmoid(x + d) + x * hardsigmoid(x, d)


def gelu(x: Tensor, d: Tensor) -> Tensor:
    """Of x P(x), P the normal distribution: d P(x + d) + x (P(x + d) - P(x))."""
    return d * _normal(x + d) + x * _normal_change(x, d)


def _normal(x: Tensor) -> Tensor:
    return 0.5 * torch.erfc(x * -math.sqrt(0.5))


def _normal_change(x: Tensor, d: Tensor) -> Tensor:
    """P(x + d) - P(x): the density's integral where d is short, else the difference."""
    short = torch.zeros_like(x + d)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        short += weight * torch.exp(-0.5 * (x + node * d).square())
    short *= d / math.sqrt(2 * math.pi)
    return torch.where(d.abs() < SHORT, short, _normal(x + d) - _normal(x))


def product(x: Tensor, dx: Tensor | None, y: Tensor, dy: Tensor | None) -> Tensor:
    """Of x y, where either may be unchanged (None): dx (y + dy) + x dy."""
    if dx is None:
        return x * dy if dy is not None else torch.zeros_like(x * y)
    if dy is None:
        return dx * y
    return dx * (y + dy) + x * dy


def layer_norm(x: Tensor, d: Tensor, axes: int, weight: Tensor | None, eps: float) -> Tensor:
    """Of (x - mean) / s * weight + bias over the last `axes` axes, s = sqrt(variance + eps).

    With c = x - mean(x) and e = d - mean(d), the variance changes by v = mean(e^2 + 2 c e), and
    1/s' - 1/s = -v / (s s' (s + s')), so the change is (e / s' + c (1/s' - 1/s)) weight.
    """
    over = tuple(range(-axes, 0))
    c = x - x.mean(over, keepdim=True)
    e = d - d.mean(over, keepdim=True)
    variance = c.square().mean(over, keepdim=True)
    v = (e * (e + 2 * c)).mean(over, keepdim=True)
    s = (variance + eps).sqrt()
    after = (variance + v + eps).clamp(min=eps).sqrt()
    changed = e / after - c * (v / (s * after * (s + after)))
    return changed if weight is None else changed * weight


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
    wide = x.flatten(2).unsqueeze(0).expand(variants, -1, -1, -1).flatten(0, 1)
    moved = wide.gather(2, at).view_as(places).unflatten(0, (variants, -1)) - before
    return d.flatten(2).gather(2, at).view_as(places) + moved.flatten(0, 1)


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
    small = torch.log1p((p * torch.expm1(d.clamp(max=1.0))).sum(dim=2).clamp(min=-1.0))
    large = (z + d).logsumexp(dim=2) - z.logsumexp(dim=1)
    of_label = d.gather(2, labels.view(1, -1, 1).expand(d.shape[0], -1, 1)).squeeze(2)
    return torch.where(d.amax(dim=2) <= 1.0, small, large) - of_label

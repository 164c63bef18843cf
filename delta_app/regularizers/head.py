"""The head's L2 term, shared by every method that replaces weight decay by penalties."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def head_l2(parameters: Sequence[Tensor]) -> Tensor:
    """Omega_head = 1/2 * sum over the head's parameters, bias included, of ||w||^2.

    Args:
        parameters: the head's weight and bias, any shapes.

    Returns:
        A float32 scalar (float64 for float64 parameters).

    Source: the authors' train.py, `reg_classifier`.
    """
    return 0.5 * torch.stack([_wide(p).square().sum() for p in parameters]).sum()


def _wide(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype == torch.float64 else tensor.float()

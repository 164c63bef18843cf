"""Order, crops, flips and normalisation of a batch: pure functions on tensors.

Every random number is a function of the seed, the epoch and the picture, never of a generator's
state or of the batch: a run taken up in the middle of an epoch, or with another batch size,
sees the same crops.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# Streams keep the numbers of one picture and epoch apart.
_ORDER, _TOP, _LEFT, _FLIP = range(1, 5)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def epoch_order(seed: int, epoch: int, n: int) -> Tensor:
    """A permutation of 0..n-1, int64, that hangs on seed and epoch alone."""
    drawn = _numbers(seed, epoch, _ORDER, np.arange(n, dtype=np.uint64))
    return torch.from_numpy(np.argsort(drawn, kind="stable"))


def crop_parameters(
    seed: int, epoch: int, keys: Tensor, source: int, crop: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Where to crop each picture and whether to mirror it.

    Args:
        keys: (N,) int64 on the CPU, one a picture, from its content.
        source, crop: sides of the square pictures and of the square crop.

    Returns:
        top, left: (N,) int64, uniform on 0 .. source - crop. flip: (N,) bool, one in two.

    Raises:
        ValueError: the crop is larger than the picture.
    """
    if not 1 <= crop <= source:
        raise ValueError(f"a crop of {crop} px does not fit into pictures of {source} px")
    numbers = keys.numpy().astype(np.uint64)
    places = np.uint64(source - crop + 1)
    # The upper 32 bits times the number of places, over 2^32: uniform without a division.
    top, left = (
        (_numbers(seed, epoch, stream, numbers) >> np.uint64(32)) * places >> np.uint64(32)
        for stream in (_TOP, _LEFT)
    )
    flip = _numbers(seed, epoch, _FLIP, numbers) >> np.uint64(63)
    return (
        torch.from_numpy(top.astype(np.int64)),
        torch.from_numpy(left.astype(np.int64)),
        torch.from_numpy(flip.astype(np.bool_)),
    )


def crop_and_flip(pictures: Tensor, top: Tensor, left: Tensor, flip: Tensor, size: int) -> Tensor:
    """Crop each picture to its own square, exactly, and mirror those that are to be.

    Args:
        pictures: (N, C, H, W), any type; fastest in channels-last memory.
        top, left: (N,) int64, on the pictures' device, each crop within its picture.
        flip: (N,) bool, on the pictures' device.

    Returns:
        (N, C, size, size) of the same type, channels-last in memory. Nothing is read back from
        the device.
    """
    rows = pictures.permute(0, 2, 3, 1).contiguous()  # (N, H, W, C)
    N, H, W, C = rows.shape
    # Every run of `size` pixels, wherever it starts: an overlapping view, nothing is copied.
    starts = N * H * W - size + 1
    runs = rows.view(-1).as_strided((starts, size * C), (C, 1))
    number = torch.arange(N, device=pictures.device)
    line = torch.arange(size, device=pictures.device)
    first = ((number * H + top)[:, None] + line) * W + left[:, None]  # (N, size)
    cropped = runs.index_select(0, first.view(-1)).view(N, size, size, C)
    both = torch.stack((cropped, cropped.flip(2))).view(2 * N, size * size * C)
    chosen = both.index_select(0, flip.long() * N + number)
    return chosen.view(N, size, size, C).permute(0, 3, 1, 2)


def normalise(
    pictures: Tensor, mean: Tensor | Sequence[float], std: Tensor | Sequence[float]
) -> Tensor:
    """(x / 255 - mean) / std by channel, as torchvision's ToTensor and Normalize.

    Args:
        pictures: uint8, (N, C, H, W).
        mean, std: (C,), on the scale 0 to 1. As tensors on the pictures' device nothing is
            copied there.

    Returns:
        float32, (N, C, H, W), in the pictures' memory layout.
    """
    device = pictures.device
    mean = torch.as_tensor(mean, dtype=torch.float32, device=device)
    std = torch.as_tensor(std, dtype=torch.float32, device=device)
    N, C, H, W = pictures.shape
    rows = pictures.permute(0, 2, 3, 1)
    if not rows.is_contiguous():
        shape = (1, C, 1, 1)
        values = pictures.to(torch.float32).div_(255)
        return values.sub_(mean.view(shape)).div_(std.view(shape))
    # Whole lines of pixels, so that the constants run along memory: several times as fast.
    lines = rows.view(N, H, W * C).to(torch.float32).div_(255)
    lines.sub_(mean.repeat(W)).div_(std.repeat(W))
    return lines.view(N, H, W, C).permute(0, 3, 1, 2)


def _numbers(seed: int, epoch: int, stream: int, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """64 random bits for each key: splitmix64's finaliser over seed, stream, epoch and key."""
    state = np.array([seed % 2**64], dtype=np.uint64)
    for part in (stream, epoch):
        state = _mixed(state + _GOLDEN * np.array([part + 1], dtype=np.uint64))
    return _mixed(_mixed(state ^ (keys * _GOLDEN)) + keys)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea and Flood, 2014): arithmetic modulo 2^64."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))

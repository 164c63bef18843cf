"""Order, crops, flips and normalisation of a batch: pure functions on tensors.

Every random number is a function of the seed, the epoch and the picture, never of a generator's
state or of the batch: a run taken up in the middle of an epoch, or with another batch size,
sees the same crops.

On the CPU the pixels are moved by NumPy, in the calling thread: a batch is a millisecond's work,
and torch would share it out among threads that on a busy machine wait for one another far longer.
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
    crop = cropped_by_slices if pictures.device.type == "cpu" else cropped_by_strides
    return crop(pictures, top, left, flip, size)


def cropped_by_strides(
    pictures: Tensor, top: Tensor, left: Tensor, flip: Tensor, size: int
) -> Tensor:
    """`crop_and_flip` in a few kernels for all pictures, on any device."""
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


def cropped_by_slices(
    pictures: Tensor, top: Tensor, left: Tensor, flip: Tensor, size: int
) -> Tensor:
    """`crop_and_flip` on the CPU, a picture at a time."""
    rows = pictures.permute(0, 2, 3, 1).numpy()  # (N, H, W, C)
    cropped = np.empty((len(rows), size, size, rows.shape[3]), rows.dtype)
    places = zip(top.tolist(), left.tolist(), flip.tolist(), strict=True)
    for row, out, (y, x, mirrored) in zip(rows, cropped, places, strict=True):
        crop = row[y : y + size, x : x + size]
        if mirrored:  # by channel: several times as fast as pixels of three bytes
            for channel in range(crop.shape[2]):
                out[:, :, channel] = crop[:, ::-1, channel]
        else:
            out[:] = crop
    return torch.from_numpy(cropped).permute(0, 3, 1, 2)


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
    channels_last = rows.is_contiguous()
    if channels_last:
        # Whole lines of pixels, so that the constants run along memory: several times as fast.
        values, mean, std = rows.view(N, H, W * C), mean.repeat(W), std.repeat(W)
    else:
        values, mean, std = pictures, mean.view(C, 1, 1), std.view(C, 1, 1)
    scale = _scaled_on_cpu if device.type == "cpu" else scaled
    values = scale(values, mean, std)
    return values.view(N, H, W, C).permute(0, 3, 1, 2) if channels_last else values


def scaled(values: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(values / 255 - mean) / std in float32, mean and std broadcast; on any device."""
    return values.to(torch.float32).div_(255).sub_(mean).div_(std)


def _scaled_on_cpu(values: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    array = values.numpy().astype(np.float32)
    array /= 255
    array -= mean.numpy()
    array /= std.numpy()
    return torch.from_numpy(array)


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

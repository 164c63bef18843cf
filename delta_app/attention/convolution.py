"""How a change runs through a convolution: all of it, or one channel's share alone."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from delta_app.attention.change import Change


def through_convolution(change: Change, module: nn.Conv2d, weight: Tensor) -> Change:
    """The change of a convolution's output; a bias has no part in it.

    A change confined to one channel meets that channel's kernels alone: one part in C of the
    convolution's work, where it has C input channels.

    Args:
        weight: (out, in / groups, kh, kw): the module's, perhaps scaled by what follows.
    """
    if change.channels is None:
        return replace(
            change,
            values=F.conv2d(
                change.values,
                weight,
                None,
                module.stride,
                module.padding,
                module.dilation,
                module.groups,
            ),
        )
    if module.groups == 1:
        kernels = weight.index_select(1, change.channels).transpose(0, 1)  # (F, out, kh, kw)
        return Change(_from_one_channel(change, module, kernels), change.variants)
    if module.groups == module.in_channels == module.out_channels:
        return _depthwise(change, module, weight)
    return _grouped(change, module, weight)


def _from_one_channel(change: Change, module: nn.Conv2d, kernels: Tensor) -> Tensor:
    """(F * N, out, h, w), channels last, from one input channel and each variant's own kernels.

    Args:
        kernels: (F, out, kh, kw).
    """
    variants, out = kernels.shape[:2]
    values = change.values  # (F * N, 1, H, W)
    height, width = _size_after(values, module)
    assert not isinstance(module.padding, str)
    if module.kernel_size == (1, 1) and module.padding == (0, 0):
        patches = values[:, :, :: module.stride[0], :: module.stride[1]].flatten(1).unsqueeze(1)
    else:
        patches = F.unfold(
            values, module.kernel_size, module.dilation, module.padding, module.stride
        )
    # (F, N * h * w, kh * kw) by (F, kh * kw, out)
    rows = patches.unflatten(0, (variants, -1)).transpose(2, 3).flatten(1, 2)
    mixed = torch.bmm(rows, kernels.flatten(2).transpose(1, 2))
    return mixed.view(values.shape[0], height, width, out).permute(0, 3, 1, 2)


def _depthwise(change: Change, module: nn.Conv2d, weight: Tensor) -> Change:
    """Still confined: channel c of the output is channel c's alone."""
    assert change.channels is not None
    # Variants take the place of channels, each with the kernel of its own channel.
    values = change.by_variant().squeeze(2).transpose(0, 1)  # (N, F, H, W)
    kernels = weight.index_select(0, change.channels)
    moved = F.conv2d(
        values,
        kernels,
        None,
        module.stride,
        module.padding,
        module.dilation,
        groups=change.variants,
    )
    return replace(change, values=moved.transpose(0, 1).unsqueeze(2).flatten(0, 1))


def _grouped(change: Change, module: nn.Conv2d, weight: Tensor) -> Change:
    """Changes the outputs of the channel's own group."""
    assert change.channels is not None
    width_in, width_out = weight.shape[1], module.out_channels // module.groups
    group = change.channels // width_in
    by_group = weight.unflatten(0, (module.groups, width_out))
    kernels = by_group[group, :, change.channels % width_in]  # (F, out / groups, kh, kw)
    own = _from_one_channel(change, module, kernels).unflatten(0, (change.variants, -1))
    shape = (change.values.shape[0], module.out_channels, *own.shape[-2:])
    wide = torch.zeros(shape, dtype=own.dtype, device=own.device)
    wide = wide.contiguous(memory_format=torch.channels_last).unflatten(0, (change.variants, -1))
    first = (group * width_out).view(-1, 1)
    places = first + torch.arange(width_out, device=own.device)  # (F, out / groups)
    wide.scatter_(2, places.view(len(group), 1, width_out, 1, 1).expand(own.shape), own)
    return Change(wide.flatten(0, 1), change.variants)


def _size_after(values: Tensor, module: nn.Conv2d) -> tuple[int, int]:
    sizes = []
    for axis in (0, 1):
        padding = module.padding[axis]
        assert not isinstance(padding, str)
        reach = module.dilation[axis] * (module.kernel_size[axis] - 1) + 1
        sizes.append((values.shape[2 + axis] + 2 * padding - reach) // module.stride[axis] + 1)
    return sizes[0], sizes[1]

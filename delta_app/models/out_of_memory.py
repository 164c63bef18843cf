"""What out of memory is on each kind of device, and what is to be let go before another try."""

from __future__ import annotations

import gc
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from delta_app.errors import TrainingError
from delta_app.formatting import counted
from delta_app.runtime import give_back_blocks

CURE = (
    "Choose a smaller picture size or a smaller backbone, close what else uses this memory, or "
    "choose another device."
)

_SAID = re.compile(
    "CUDA error: out of memory"  # from outside torch's allocator
    "|CUDA driver error: out of memory"
    "|CUBLAS_STATUS_ALLOC_FAILED"
    "|CUDNN_STATUS_ALLOC_FAILED"
    "|CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"
    "|MPS backend out of memory"
    "|Invalid buffer size"  # MPS: one tensor above what Metal gives at all
    "|DefaultCPUAllocator: can't allocate memory"  # Linux, macOS
    "|DefaultCPUAllocator: not enough memory"  # Windows
    "|could not create a primitive(?! desc)"  # oneDNN on the CPU, asking for its work space
    "|could not create a memory object"
    "|std::bad_alloc"
)
"""Words of the plain RuntimeErrors by which torch says it: ATen's MPSAllocator.mm, c10's
alloc_cpu.cpp, oneDNN's, and the names of CUDA's libraries for it."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device, or the machine, has no more memory to give.

    On Linux a process is usually killed before it is refused memory on the CPU; nobody hears of
    that. Where it is refused some, under a limit of its own, oneDNN does not always recover.
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and _SAID.search(str(error)) is not None


def let_go(error: BaseException) -> None:
    """Take every tensor from the functions an error came through; their lines stay readable.

    An error keeps the functions' variables as long as somebody keeps the error, and with them
    the activations that did not fit.
    """
    seen: BaseException | None = error
    while seen is not None:
        traceback.clear_frames(seen.__traceback__)
        seen = seen.__cause__ or seen.__context__


def give_back(device: torch.device) -> None:
    """Return what nobody uses any more to the device, so that larger pieces can be had again."""
    gc.collect()  # what refers to itself holds its tensors until then
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    else:
        give_back_blocks()


def no_room(
    pictures: int, size: int, device: torch.device, *, batchnorm: bool = False
) -> TrainingError:
    """The error where not even the smallest part of a batch fits.

    Args:
        pictures: in that part.
        size: their side in pixels.
        batchnorm: whether it is BatchNorm's statistics that keep it from being smaller.
    """
    return TrainingError(
        f"Out of memory on {device} even with {counted(pictures, 'picture')} of {size} px at a "
        "time.",
        cure=f"{CURE} With frozen BatchNorm statistics one picture at a time is enough."
        if batchnorm
        else CURE,
    )


@contextmanager
def with_a_cure() -> Iterator[None]:
    """Raise what is out of memory in the block, and was not mended there, as an error with a cure.

    Raises:
        TrainingError: memory ran out.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        said = str(error).strip() or type(error).__name__
        raise TrainingError(f"Out of memory: {said.splitlines()[0]}", cure=CURE) from error

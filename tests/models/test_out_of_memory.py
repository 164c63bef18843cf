"""What counts as out of memory, on every kind of device, and what is let go before another try."""

from __future__ import annotations

import traceback
import weakref

import pytest
import torch
from torch import Tensor

from delta_app.errors import TrainingError
from delta_app.models.out_of_memory import (
    give_back,
    is_out_of_memory,
    let_go,
    no_room,
    with_a_cure,
)

SAID = [
    "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
    "CUDA driver error: out of memory",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "MPS backend out of memory (MPS allocated: 5.56 GB, other allocations: 1.10 GB, max allowed: "
    "6.80 GB). Tried to allocate 768.00 MB on private pool. Use "
    "PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0 to disable upper limit for memory allocations (may "
    "cause system failure).",
    "Invalid buffer size: 17.58 GiB",
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
    "you tried to allocate 5368709120 bytes. Error code 12 (Cannot allocate memory)",
    "[enforce fail at alloc_cpu.cpp:117] data. DefaultCPUAllocator: not enough memory: you tried "
    "to allocate 911360 bytes.",
    "could not create a primitive",
    "could not create a memory object",
    "std::bad_alloc",
]


@pytest.mark.parametrize("said", SAID, ids=lambda said: said[:30])
def test_torchs_words_for_it(said: str) -> None:
    assert is_out_of_memory(RuntimeError(said))
    assert not is_out_of_memory(ValueError(said))


def test_its_own_errors() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert is_out_of_memory(MemoryError())


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        RuntimeError("could not create a primitive descriptor for a convolution"),
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        KeyError("out of memory"),
        TrainingError("Out of memory in the optimizer's update."),
    ],
    ids=str,
)
def test_other_errors_are_not(error: Exception) -> None:
    assert not is_out_of_memory(error)


def test_a_tensor_that_this_machine_cannot_hold() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50, dtype=torch.uint8)  # a petabyte, more than the address space gives
    assert is_out_of_memory(caught.value)


def failing(held: list[weakref.ref[Tensor]]) -> None:
    activation = torch.ones(3)
    held.append(weakref.ref(activation))
    try:
        inner(activation, held)
    except ValueError as error:
        raise torch.OutOfMemoryError("CUDA out of memory.") from error


def inner(activation: Tensor, held: list[weakref.ref[Tensor]]) -> None:
    another = activation * 2
    held.append(weakref.ref(another))
    raise ValueError("in between")


def test_a_kept_error_holds_no_tensor_and_can_still_be_read() -> None:
    held: list[weakref.ref[Tensor]] = []
    with pytest.raises(torch.OutOfMemoryError) as caught:
        failing(held)
    assert [reference() is None for reference in held] == [False, False]
    let_go(caught.value)
    assert [reference() is None for reference in held] == [True, True]
    assert "in failing" in "".join(traceback.format_exception(caught.value))


def test_what_refers_to_itself_is_given_back_too() -> None:
    tensor = torch.ones(3)
    held = weakref.ref(tensor)
    circle: list[object] = [tensor]
    circle.append(circle)
    del tensor, circle
    assert held() is not None
    give_back(torch.device("cpu"))
    assert held() is None


def test_the_error_says_what_did_not_fit_and_what_to_do() -> None:
    error = no_room(1, 224, torch.device("cuda", 0))
    assert error.message == ("Out of memory on cuda:0 even with 1 picture of 224 px at a time.")
    assert "smaller backbone" in error.cure
    assert "frozen BatchNorm" not in error.cure
    assert "frozen BatchNorm" in no_room(2, 224, torch.device("cpu"), batchnorm=True).cure


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory.")])
def test_what_nobody_mended_gets_a_cure(error: Exception) -> None:
    with pytest.raises(TrainingError, match="Out of memory: ") as caught, with_a_cure():
        raise error
    assert caught.value.__cause__ is error
    assert caught.value.cure


def test_what_is_something_else_stays_what_it_is() -> None:
    with pytest.raises(KeyError), with_a_cure():
        raise KeyError("a mistake")

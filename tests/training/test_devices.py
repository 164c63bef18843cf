"""Which device and precision a run gets, and what is refused."""

from __future__ import annotations

import pytest
import torch

from delta_app.errors import SettingsError
from delta_app.training.devices import MixedPrecision, resolve_device

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:99", ""])
def test_a_device_that_is_not_there_is_refused_with_its_name(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        resolve_device(name)
    assert caught.value.field == "device"


def test_the_cpu_computes_in_float32_unless_asked() -> None:
    assert MixedPrecision.resolve("auto", CPU).dtype is None
    assert MixedPrecision.resolve("bf16", CPU).dtype is torch.bfloat16


def test_fp16_needs_a_scaler_and_so_cuda() -> None:
    with pytest.raises(SettingsError, match="fp16 needs a CUDA device, got cpu"):
        MixedPrecision.resolve("fp16", CPU)
    assert MixedPrecision(torch.device("cuda"), torch.float16).scaled
    assert not MixedPrecision(torch.device("cuda"), torch.bfloat16).scaled


def test_bf16_autocast_reaches_the_layers_only_inside_its_block() -> None:
    layer = torch.nn.Linear(2, 2)
    with MixedPrecision.resolve("bf16", CPU).autocast():
        assert layer(torch.ones(1, 2)).dtype is torch.bfloat16
    assert layer(torch.ones(1, 2)).dtype is torch.float32


@pytest.mark.cuda
def test_auto_takes_cuda_in_half_precision() -> None:
    device = resolve_device("auto")
    assert device.type == "cuda"
    assert MixedPrecision.resolve("auto", device).dtype in (torch.bfloat16, torch.float16)

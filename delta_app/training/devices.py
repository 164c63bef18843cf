"""Which device computes, in which precision."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, Literal

import psutil
import torch

from delta_app.errors import SettingsError

Precision = Literal["auto", "float32", "bf16", "fp16"]


def resolve_device(name: str) -> torch.device:
    """The device of that name; auto takes CUDA, then MPS, then the CPU.

    Raises:
        SettingsError: not a device, or not one of this machine.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise SettingsError(
            f"{name!r} is not a device.", cure="Use auto, cpu, cuda, cuda:1 or mps.", field="device"
        ) from None
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not available.get(device.type, False):
        raise SettingsError(
            f"This machine has no {name} that torch {torch.__version__} can use.",
            cure="Use auto or cpu, or install torch for this device.",
            field="device",
        )
    return device


def device_name(device: torch.device) -> str:
    """What to call it on the screen."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)} ({device})"
    return {"cpu": "CPU", "mps": "Apple GPU"}.get(device.type, str(device))


def memory_in_use(device: torch.device) -> int:
    """Bytes: of the device's allocator at its peak, of the process on the CPU."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return int(psutil.Process().memory_info().rss)


@dataclass(frozen=True)
class MixedPrecision:
    """How a step computes on its device.

    Attributes:
        dtype: of autocast; None computes in float32 throughout.
        scaled: whether gradients need a scaler (fp16).
    """

    device: torch.device
    dtype: torch.dtype | None

    @classmethod
    def resolve(cls, precision: Precision, device: torch.device) -> MixedPrecision:
        """bf16 where a GPU has it, else fp16 with a scaler; float32 elsewhere, unless asked.

        Raises:
            SettingsError: fp16 away from CUDA, where there is no scaler for it.
        """
        if precision == "auto":
            if device.type != "cuda":
                return cls(device, None)
            bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
            return cls(device, torch.bfloat16 if bf16 else torch.float16)
        if precision == "fp16" and device.type != "cuda":
            raise SettingsError(
                f"fp16 needs a CUDA device, got {device.type}.",
                cure="Choose bf16 or float32.",
                field="precision",
            )
        return cls(
            device, {"float32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
        )

    @property
    def scaled(self) -> bool:
        return self.dtype is torch.float16

    @property
    def label(self) -> str:
        return {None: "float32", torch.bfloat16: "bf16", torch.float16: "fp16"}[self.dtype]

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """For forward passes only; penalties and losses stay outside."""
        if self.dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

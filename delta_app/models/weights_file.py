"""Reading weights files without running anything that is in them."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from delta_app.errors import WeightsError

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "backbone", "weights")
"""Keys under which training scripts put the state dict, the most telling first."""

_DEEPEST = 3


def load_state(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a weights file by name, on the CPU.

    Reads `.safetensors`, and everything else as torch's format with `weights_only=True`. A state
    dict nested under `state_dict`, `model` and the like is found, and a `module.` before every
    name is taken off; other prefixes are left for the network's names to find.

    Raises:
        WeightsError: no such file, not a weights file, a pickle that would run code, or no
            tensors in it; its field is weights.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise _error(f"there is no weights file {path}.", "Check the path.")
    if path.is_dir():
        raise _error(f"{path} is a folder, not a weights file.", "Choose a file inside it.")
    found = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    tensors = _tensors_in(found, _DEEPEST)
    if not tensors:
        raise _error(
            f"{path} holds no tensors by name; found {_outline(found)}.",
            "Save the network's state_dict() and use that file.",
        )
    while all(name.startswith("module.") for name in tensors):  # DataParallel's
        tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    return tensors


def _error(message: str, cure: str) -> WeightsError:
    return WeightsError(message, cure=cure, field="weights")


def _read_safetensors(path: Path) -> Any:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise _error(
            f"{path} cannot be read as safetensors: {_first_line(error)}.",
            "Copy or download it again; if it was saved by torch.save, name it .pth.",
        ) from error


def _read_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _unreadable_pickle(path, error) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError) as error:
        raise _error(
            f"{path} cannot be read as a torch weights file: {_first_line(error)}.",
            "Copy or download it again; a TorchScript file must be saved as a state_dict() "
            "first, and a safetensors file be named .safetensors.",
        ) from error


def _unreadable_pickle(path: Path, error: Exception) -> WeightsError:
    refused = re.search(r"(?:Unsupported|Blocked)[^\n]*?GLOBAL ([\w.]+)", str(error))
    refused = refused or re.search(r"GLOBAL ([\w.]+)", str(error))
    if refused is None:
        return _error(
            f"{path} is not a weights file: {_first_line(error)}.",
            "Choose a .pth, .pt or .safetensors file; if it is one, copy or download it again.",
        )
    converted = path.with_name(f"{path.stem}-tensors.pth")
    return _error(
        f"{path} holds more than tensors ({refused[1]}), and reading that could run code.",
        "If you trust where it came from, convert it once: python -c "
        f"\"import torch; f = torch.load({str(path)!r}, map_location='cpu', weights_only=False); "
        "f = f.state_dict() if hasattr(f, 'state_dict') else f; "
        f"f = next((f[k] for k in {_WRAPPERS[:3]} if k in f), f); "
        "f = f.state_dict() if hasattr(f, 'state_dict') else f; "
        "torch.save({k: v for k, v in f.items() if torch.is_tensor(v)}, "
        f'{str(converted)!r})" and use {converted.name}.',
    )


def _tensors_in(found: Any, depth: int) -> dict[str, Tensor]:
    """The state dict in what was read: under a known key, at the top, or in the only dict.

    Known keys come first, since checkpoints keep counters and accuracies as tensors beside them.
    """
    if not isinstance(found, Mapping) or depth < 0:
        return {}
    for wrapper in _WRAPPERS:
        if inside := _tensors_in(found.get(wrapper), depth - 1):
            return inside
    tensors = {k: v.detach() for k, v in found.items() if isinstance(v, Tensor)}
    tensors = {k: v for k, v in tensors.items() if isinstance(k, str)}
    if tensors:
        return tensors
    nested = [t for t in (_tensors_in(v, depth - 1) for v in found.values()) if t]
    return nested[0] if len(nested) == 1 else {}


def _outline(found: Any) -> str:
    if isinstance(found, Mapping):
        return f"the entries {', '.join(map(str, list(found)[:5]))}" if found else "nothing"
    return f"a {type(found).__name__}"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")

"""Reading weights files without running anything that is in them."""

from __future__ import annotations

import os
import pickle
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor
from torch.nn import Parameter

from delta_app.errors import WeightsError
from delta_app.models.weights_archive import unsound

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "backbone", "weights")
"""Keys under which training scripts put the state dict, the most telling first."""

_DEEPEST = 3

# Single quotes alone, so that it stands within double ones in every shell.
_CONVERSION = (
    "import sys, torch; f = torch.load(sys.argv[1], map_location='cpu', weights_only=False); "
    "f = f.state_dict() if hasattr(f, 'state_dict') else f; "
    f"f = next((f[k] for k in {_WRAPPERS[:3]} if k in f), f); "
    "f = f.state_dict() if hasattr(f, 'state_dict') else f; "
    "torch.save({k: v for k, v in f.items() if torch.is_tensor(v)}, sys.argv[2])"
)


def load_state(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a weights file by name, on the CPU.

    Reads `.safetensors`, and everything else as torch's format with `weights_only=True`. A state
    dict nested under `state_dict`, `model` and the like is found, and a `module.` before every
    name is taken off; other prefixes are left for the network's names to find.

    Raises:
        WeightsError: no such file, not a weights file, a pickle that would run code, or no
            tensors in it; its field is weights.
    """
    path = weights_path(path)
    if os.path.isdir(path):
        raise _error(f"{path} is a folder, not a weights file.", "Choose a file inside it.")
    if not os.path.isfile(path):
        raise _error(f"there is no weights file {path}.", "Check the path.")
    named_safetensors = path.suffix.lower() == ".safetensors"
    found = _read_safetensors(path) if named_safetensors else _read_torch(path)
    tensors = _tensors_in(found, _DEEPEST)
    if not tensors:
        raise _error(
            f"{path} holds no tensors by name; found {_outline(found)}.",
            "Save the network's state_dict() and use that file.",
        )
    while all(name.startswith("module.") for name in tensors):  # DataParallel's
        tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    return tensors


def weights_path(given: str | Path) -> Path:
    """The path as it was given, with ~ for the home folder; no other path is turned down."""
    return Path(os.path.expanduser(given))


def _error(message: str, cure: str) -> WeightsError:
    return WeightsError(message, cure=cure, field="weights")


def _read_safetensors(path: Path) -> Any:
    try:
        # Into memory: a mapped file that somebody cuts ends the process.
        return load(path.read_bytes())
    except (SafetensorError, OSError, RuntimeError, ValueError, TypeError, LookupError) as error:
        raise _error(
            f"{path} cannot be read as safetensors: {_first_line(error)}.",
            "Copy or download it again; if it was saved by torch.save, name it .pth.",
        ) from error


def _read_torch(path: Path) -> Any:
    try:
        why = unsound(path)
        if why is None:
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _unreadable_pickle(path, error) from error
    except Exception as error:  # a damaged pickle makes its reader stumble in any way there is
        raise _error(
            f"{path} cannot be read as a torch weights file: {_first_line(error)}.",
            "Copy or download it again; a safetensors file must be named .safetensors.",
        ) from error
    raise _error(
        f"{path} {why}.",
        "Save the network's state_dict() with torch.save or as safetensors, and use that file.",
    )


def _unreadable_pickle(path: Path, error: Exception) -> WeightsError:
    refused = re.search(r"(?:Unsupported|Blocked)[^\n]*?GLOBAL ([\w.]+)", str(error))
    refused = refused or re.search(r"GLOBAL ([\w.]+)", str(error))
    if refused is None:
        return _no_weights(path)
    converted = path.with_name(f"{path.stem}-tensors.pth")
    paths = f"{shlex.quote(str(path))} {shlex.quote(str(converted))}"
    return _error(
        f"{path} holds more than tensors ({refused[1]}), and reading that could run code.",
        "If you trust where it came from, convert it once and use the new file: "
        f'python -c "{_CONVERSION}" {paths}',
    )


def _no_weights(path: Path) -> WeightsError:
    """For a file that is no pickle at all, by what its first bytes say."""
    with path.open("rb") as file:
        start = file.read(64)
    if start[8:10] in (b'{"', b"{}") and int.from_bytes(start[:8], "little") < path.stat().st_size:
        return _error(f"{path} is a safetensors file by another name.", "Name it .safetensors.")
    start = start.lstrip()
    if start.startswith(b"version https://git-lfs"):
        return _error(
            f"{path} is a Git LFS pointer, not the weights themselves.",
            "Fetch them with: git lfs pull.",
        )
    kind = "a web page" if start.startswith(b"<") else "something else"
    return _error(
        f"{path} is no torch weights file; it holds {kind}.",
        "Choose a .pth, .pt or .safetensors file; if it should be one, download it again.",
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
    tensors = {k: Tensor.detach(v) for k, v in found.items() if isinstance(k, str) and _is_plain(v)}
    if tensors:
        return tensors
    nested = [t for t in (_tensors_in(v, depth - 1) for v in found.values()) if t]
    return nested[0] if len(nested) == 1 else {}


def _is_plain(value: Any) -> bool:
    """Whether a value is a tensor of numbers in memory: not sparse, nested or without values."""
    return (
        type(value) in (Tensor, Parameter)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and not value.is_nested
        and not value.is_quantized
    )


def _outline(found: Any) -> str:
    if isinstance(found, Mapping):
        return f"the entries {', '.join(map(str, list(found)[:5]))}" if found else "nothing"
    return f"a {type(found).__name__}"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")

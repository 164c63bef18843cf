"""Weights files: sound ones of every form, and ones that were made to do harm."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import runpy
import struct
import tarfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

State = dict[str, Tensor]


def saved(content: Any, **options: Any) -> bytes:
    """What torch.save writes."""
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def sound(state: State) -> dict[str, bytes]:
    """A state dict in every form that is read, by file name."""
    return {
        "zip.pth": saved(state),
        "nested.pt": saved({"epoch": 3, "state_dict": state, "optimizer": {"state": {}}}),
        "legacy.pth": saved(state, _use_new_zipfile_serialization=False),
        "plain.safetensors": save(state),
    }


class Calls:
    """Calls a function when it is unpickled."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self._reduced = call, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._reduced


def payloads(canary: Path) -> dict[str, Calls]:
    """Ways of having a pickle write a file: `canary` is there afterwards where one ran."""
    write = f"open({str(canary)!r}, 'w').close()"
    return {
        "os.system": Calls(os.system, f"touch '{canary}'"),
        "exec": Calls(exec, write),
        "eval": Calls(eval, write),
        "open": Calls(open, str(canary), "w"),
        "Path.touch": Calls(Path.touch, canary),
        "runpy": Calls(runpy.run_path, str(canary.with_suffix(".py"))),
    }


def malicious(canary: Path, state: State) -> dict[str, bytes]:
    """Files that would run code, by file name; none may be read and nothing in them may run."""
    files = {}
    for name, payload in payloads(canary).items():
        inside = {"state_dict": OrderedDict(state) | {"extra": payload}, "epoch": 1}
        plain = pickle.dumps(inside, protocol=2)
        files |= {
            f"{name}.pth": saved(inside),
            f"{name} alone.pt": saved(payload),
            f"{name} as a key.pth": saved({"state_dict": {"a": {"b": [payload]}}}),
            f"{name} legacy.pth": saved(inside, _use_new_zipfile_serialization=False),
            f"{name} plain.pkl": plain,
            f"{name} protocol 4.pth": pickle.dumps(inside, protocol=4),
            f"{name}.safetensors": plain,
            f"{name} zip.safetensors": saved(inside),
            f"{name} torchscript.pt": _torchscript(saved(inside)),
            f"{name} tar.pth": _tar(plain),
        }
    return files


def greedy(state: State) -> dict[str, bytes]:
    """Files that lie about their size, or reach outside, by file name; none may be read."""
    return {
        "storage too long.pth": _changed(saved(state), _longer_storage),
        "legacy too long.pth": _longer_storage(saved(state, _use_new_zipfile_serialization=False)),
        "compressed.pth": _repacked(saved(state), zipfile.ZIP_DEFLATED),
        "bomb.pth": _repacked(saved({"a": torch.zeros(20_000_000)}), zipfile.ZIP_DEFLATED),
        "outside.pth": _repacked(saved(state), zipfile.ZIP_STORED, "../../../outside.txt"),
        "absolute.pth": _repacked(saved(state), zipfile.ZIP_STORED, "/tmp/outside.txt"),
        "bytearray.pth": saved({"state_dict": state, "extra": Calls(bytearray, 20_000_000_000)}),
        "legacy bytearray.pth": saved(
            {"extra": Calls(bytearray, 20_000_000_000)}, _use_new_zipfile_serialization=False
        ),
        "head too long.safetensors": struct.pack("<Q", 2**62) + b"{}",
        "shape too large.safetensors": _safetensors({"a": _entry([2**31, 2**31], 0, 16)}, 16),
        "beyond the end.safetensors": _safetensors({"a": _entry([4], 0, 2**60)}, 16),
        "overlapping.safetensors": _safetensors({n: _entry([4], 0, 16) for n in "ab"}, 16),
        "deep.safetensors": struct.pack("<Q", 50_000) + b"[" * 50_000,
        "pickle.safetensors": pickle.dumps({"a": 1}),
        "named wrongly.pth": save(state),
    }


def _entry(shape: list[int], start: int, end: int) -> dict[str, Any]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}


def _safetensors(head: dict[str, Any], size: int) -> bytes:
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


def _longer_storage(pickled: bytes) -> bytes:
    """The first storage's number of values, BININT1 or BININT2, made a thousand million."""
    for opcode, width in ((b"K", 1), (b"M", 2)):
        number = rb"cpu(?:q.|r....)?" + opcode + rb"(" + b"." * width + rb")[Ntq]"
        if found := re.search(number, pickled, re.DOTALL):
            longer = b"J" + struct.pack("<i", 10**9)
            return pickled[: found.start(1) - 1] + longer + pickled[found.end(1) :]
    raise ValueError("there is no storage in this pickle")


def _changed(archive: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The archive with another data.pkl."""

    def changed(name: str, body: bytes) -> bytes:
        return change(body) if name.endswith("data.pkl") else body

    return _rewritten(archive, zipfile.ZIP_STORED, changed)


def _repacked(archive: bytes, compression: int, extra: str = "") -> bytes:
    return _rewritten(archive, compression, lambda _, body: body, {extra: b"out"} if extra else {})


def _torchscript(archive: bytes) -> bytes:
    """With what makes it look like a TorchScript archive: constants, and a code folder."""
    more = {
        "archive/constants.pkl": pickle.dumps((), protocol=2),
        "archive/code/__torch__.py": b"class Net(Module):\n  def forward(self): ...\n",
    }
    return _rewritten(archive, zipfile.ZIP_STORED, lambda _, body: body, more)


def _rewritten(
    archive: bytes,
    compression: int,
    change: Callable[[str, bytes], bytes],
    more: dict[str, bytes] | None = None,
) -> bytes:
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as old,
        zipfile.ZipFile(written, "w", compression) as new,
    ):
        for member in old.infolist():
            new.writestr(member.filename, change(member.filename, old.read(member)))
        for name, body in (more or {}).items():
            new.writestr(name, body)
    return written.getvalue()


def _tar(pickled: bytes) -> bytes:
    """torch's oldest format: a tar of three pickles."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name in ("storages", "tensors", "pickle"):
            member = tarfile.TarInfo(name)
            member.size = len(pickled)
            archive.addfile(member, io.BytesIO(pickled))
    return written.getvalue()

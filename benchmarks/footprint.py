"""What this process holds at the moment: memory, threads, files, hooks, tensors, connections."""

from __future__ import annotations

import ctypes
import gc
import sqlite3
import sys
from dataclasses import dataclass

import psutil
import torch
from torch import nn

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@dataclass(frozen=True)
class Footprint:
    """One look at the process, after everything that can be freed was.

    Attributes:
        rss: resident bytes.
        threads: of the system, those of OpenMP included.
        files: open files, sockets and pipes.
        hooks: on every module that is alive.
        tensors: bytes in the storages of every tensor that is alive.
        modules: networks' parts that are alive.
        connections: to SQLite files.
    """

    rss: int
    threads: int
    files: int
    hooks: int
    tensors: int
    modules: int
    connections: int


def footprint() -> Footprint:
    """Look now; garbage is collected and given back to the system first."""
    for _ in range(3):
        gc.collect()
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).malloc_trim(0)
    process = psutil.Process()
    storages: dict[int, int] = {}
    hooks = modules = connections = 0
    for each in gc.get_objects():
        kind = type(each)  # not isinstance: some objects answer it with work of their own
        if issubclass(kind, torch.Tensor):
            storage = each.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes() if each.device.type != "meta" else 0
        elif issubclass(kind, nn.Module):
            modules += 1
            hooks += sum(len(each.__dict__.get(name) or ()) for name in HOOKS)
        elif issubclass(kind, sqlite3.Connection):
            connections += 1
    return Footprint(
        rss=process.memory_info().rss,
        threads=process.num_threads(),
        files=process.num_fds(),
        hooks=hooks,
        tensors=sum(storages.values()),
        modules=modules,
        connections=connections,
    )

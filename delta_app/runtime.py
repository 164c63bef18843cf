"""What is set once a process, before anything is computed in it."""

from __future__ import annotations

import ctypes
import gc
import logging
import math
import os
import sys
import threading
import warnings
from pathlib import Path

import torch

log = logging.getLogger(__name__)

# Parameters of glibc's mallopt, from malloc.h.
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8

LARGEST_BLOCK = 1 << 30  # bytes; blocks below it stay with the allocator

_once = threading.Lock()
_prepared = False


def prepare_process() -> None:
    """Set allocator, precision, threads and collector of this process; only the first call acts.

    Call it early: threads that have an arena of the allocator already keep it.
    """
    global _prepared
    with _once:
        if _prepared:
            return
        _prepared = True
    if not keep_large_blocks():
        log.debug("the C library is not glibc: its allocator is left as it is")
    turn_off_tf32()
    torch.set_num_threads(min(torch.get_num_threads(), usable_cores()))
    # What is imported by now lives as long as the process. A collection that looks through all of
    # it again stops every thread for a third of a second.
    gc.collect()
    gc.freeze()


def keep_large_blocks() -> bool:
    """Keep glibc from giving large blocks back to the system after each training step.

    A step on the CPU allocates and frees the same hundreds of megabytes again and again. By
    default each large block comes fresh from the system and is paid for page by page. With the
    thresholds raised, blocks are taken from the heap and stay there. This holds for the main
    arena alone, since the heaps of other arenas are at most 64 MiB: so all threads, the one
    that trains among them, are made to share the main arena.

    Returns:
        Whether the allocator took the settings; False where it is not glibc's.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(
        mallopt(M_ARENA_MAX, 1)
        and mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK)
        and mallopt(M_TRIM_THRESHOLD, 2 * LARGEST_BLOCK - 1)
    )


def give_back_blocks() -> bool:
    """Give the system back what glibc's allocator keeps though nothing uses it, once.

    Returns:
        Whether there was something to give back; False where the C library is not glibc.
    """
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (AttributeError, OSError, TypeError):  # TypeError: Windows takes no None
        return False


def turn_off_tf32() -> None:
    """Compute float32 in float32 on NVIDIA's tensor cores.

    TF32 keeps 10 bits of the mantissa; a filter's importance is the difference of two losses
    that agree in more.
    """
    with warnings.catch_warnings():
        # Some versions of torch warn that another way of setting them is meant to follow.
        warnings.simplefilter("ignore")
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False


def usable_cores() -> int:
    """Cores this process may use: by its affinity, and by its container's share of time."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min(cores, _container_cores(Path("/sys/fs/cgroup/cpu.max")) or cores))


def _container_cores(cpu_max: Path) -> int | None:
    """Cores that a container's quota comes to ("200000 100000" is 2); None without one."""
    try:
        quota, period = cpu_max.read_text(encoding="ascii").split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        return None

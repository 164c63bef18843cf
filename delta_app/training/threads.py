"""The CPU threads a run computes with: part of what makes its numbers reproducible."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def cpu_threads(wanted: int | None) -> Iterator[int]:
    """Compute with `wanted` threads inside the block; None leaves the number as it is.

    Yields:
        The number in force, to be kept with the run.
    """
    before = torch.get_num_threads()
    if wanted is not None and wanted != before:
        torch.set_num_threads(wanted)
    try:
        yield torch.get_num_threads()
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)

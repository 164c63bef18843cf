"""What the parts of the scale benchmark share: seconds, memory, and a line of the table."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        wanted: what was promised; empty where nothing was.
    """

    what: str
    measured: str
    wanted: str = ""

    def markdown(self) -> str:
        return f"| {self.what} | {self.measured} | {self.wanted} |"


def memory() -> int:
    """Bytes that this process has in memory now."""
    return int(psutil.Process().memory_info().rss)


def most_memory() -> int:
    """Bytes that this process had in memory at most."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(used if sys.platform == "darwin" else used * 1024)


@dataclass(frozen=True)
class Timed:
    """Seconds by the clock and of the processor, of each time something was done."""

    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    def words(self) -> str:
        """ "120 ms (95 ms of one core)": the median of each."""
        wall, cpu = (statistics.median(each) for each in (self.wall, self.cpu))
        return f"{milliseconds(wall)} ({milliseconds(cpu)} of one core)"


def timed(work: Callable[[], object], times: int = 1) -> Timed:
    """Do it so many times. On a busy machine the processor's time says more than the clock."""
    taken = []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        taken.append((time.perf_counter() - wall, time.process_time() - cpu))
    wall, cpu = zip(*taken, strict=True)
    return Timed(wall, cpu)


def milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def megabytes(number: float) -> str:
    return f"{number / 1e6:.0f} MB"


def kilobytes(number: float) -> str:
    return f"{number / 1e3:.0f} kB"

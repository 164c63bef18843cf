"""How the CPU threads of one computation wait for one another; set before torch is loaded."""

from __future__ import annotations

import os

WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Environment variable -> value that OpenMP reads once, as torch loads it.

By default a thread that has done its share spins until the others have done theirs. Where another
program needs a core, the thread waited for is the one that lost it, and those that spin keep it
from coming back: a step of MobileNetV2 with two threads beside one busy process on two cores took
7.8 s spinning and 0.7 s asleep. On idle cores sleeping costs about a twentieth.
"""


def let_threads_sleep() -> None:
    """Make threads that wait for others sleep, unless the environment says how they wait.

    Without effect once torch is imported.
    """
    if not any(name in os.environ for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")):
        os.environ.update(WAITING)

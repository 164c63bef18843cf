"""How the CPU threads of one computation wait for one another; set before torch is loaded."""

from __future__ import annotations

import os

SPINS = 1000
"""How often a waiting thread looks before it sleeps, as GCC's OpenMP (torch's on Linux) reads it.

By default it looks 300 000 times. Where another program needs a core, the thread waited for is the
one that lost it, and those that spin keep it from coming back. docs/results.md has what a training
step takes either way.
"""


def let_threads_sleep() -> None:
    """Make threads that wait for others sleep soon, unless the environment says how they wait.

    Without effect once torch is imported, and on an OpenMP other than GCC's.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))

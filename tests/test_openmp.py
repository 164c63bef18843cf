"""OpenMP itself says how its threads wait."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-m", "delta_app", "backbones", "alexnet"]


def _policy(**more: str) -> str:
    """What OpenMP prints of its wait policy as the command line loads it."""
    kept = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    done = subprocess.run(
        COMMAND, env=kept | {"OMP_DISPLAY_ENV": "TRUE"} | more, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "OMP_WAIT_POLICY" in line]
    if not lines:
        pytest.skip("torch's OpenMP here does not print its settings")
    return lines[0]


def test_threads_that_wait_sleep() -> None:
    assert "PASSIVE" in _policy()


def test_the_users_own_choice_stands() -> None:
    assert "ACTIVE" in _policy(OMP_WAIT_POLICY="ACTIVE")

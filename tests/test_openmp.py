"""OpenMP itself says how its threads wait."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from delta_app.openmp import SPINS

COMMAND = [sys.executable, "-m", "delta_app", "backbones", "alexnet"]


def _spins(**more: str) -> str:
    """The line in which OpenMP says how often a waiting thread looks, as the app loads it."""
    kept = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    done = subprocess.run(
        COMMAND, env=kept | {"OMP_DISPLAY_ENV": "VERBOSE"} | more, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "GOMP_SPINCOUNT" in line]
    if not lines:
        pytest.skip("torch's OpenMP here is not GCC's, or does not print its settings")
    return lines[0]


@pytest.mark.slow
def test_threads_that_wait_soon_sleep() -> None:
    assert f"'{SPINS}'" in _spins()


@pytest.mark.slow
@pytest.mark.parametrize("own", [{"OMP_WAIT_POLICY": "ACTIVE"}, {"GOMP_SPINCOUNT": "77"}])
def test_the_users_own_choice_stands(own: dict[str, str]) -> None:
    assert f"'{SPINS}'" not in _spins(**own)

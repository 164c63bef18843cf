"""Runs that are killed in the middle of their writes are the run straight through: a few of the
kill points of `benchmarks.kills`, whose figures are in docs/reliability.md."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_run_that_is_killed_at_random_points_loses_nothing(tmp_path: Path) -> None:
    words = ["-m", "benchmarks.kills", "--kills", "5", "--epochs", "3", "--methods", "delta"]
    said = subprocess.run(
        [sys.executable, *words, "--keep", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    row = said.stdout.splitlines()[-1].split("|")
    assert (row[1].strip(), row[5].strip()) == ("delta", "nothing")
    assert int(row[2]) >= 3  # points that the run came to

"""A short life of the app leaves nothing behind: `benchmarks.soak` at a small size, whose figures
of a long one are in docs/reliability.md."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_runs_of_every_kind_leave_nothing_behind() -> None:
    words = ["-m", "benchmarks.soak", "--runs", "30", "--every", "10", "--no-pages"]
    said = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert said.returncode in (0, 1), said.stderr
    rows = [line.split(" | ") for line in said.stdout.split("\n\n")[1].splitlines()[2:]]
    grows = {row[0].strip("| "): row[-1].strip("| ") for row in rows}
    assert set(grows) > {"threads", "files", "hooks", "modules", "connections"}, said.stdout
    # So short a life says nothing of resident memory: it is still settling.
    assert {answer for name, answer in grows.items() if "rss" not in name} == {"no"}, said.stdout

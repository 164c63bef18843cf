"""Ctrl-C and SIGTERM in the middle of a run, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Say = Callable[..., Any]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_the_run_between_two_steps(
    number: signal.Signals, small: list[str], tmp_path: Path, say: Say
) -> None:
    command = [sys.executable, "-m", "delta_app", "train", *small, "--method", "l2"]
    endless = ["--epochs", "10000", "--runs-dir", str(tmp_path / "runs"), "--json"]
    log = tmp_path / "stderr"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*command, *endless],
            cwd=Path(__file__).resolve().parents[2],
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
    try:
        deadline = time.monotonic() + 120
        while "Epoch 2 of" not in log.read_text() and process.poll() is None:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, log.read_text()
    assert b'"status": "interrupted"' in out
    assert "Traceback" not in log.read_text()
    listed = say("runs", "list", "--json", "--runs-dir", tmp_path / "runs").last_json["runs"]
    assert [run["status"] for run in listed] == ["interrupted"]

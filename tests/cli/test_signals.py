"""Ctrl-C and SIGTERM in the middle of a run, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from delta_app.services import runs

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


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_measured_of_an_attention(
    small: list[str], tmp_path: Path, say: Say
) -> None:
    where = ["--runs-dir", str(tmp_path / "runs")]
    # Two pictures after the other, six or seven crops each: the first are done after 7 batches.
    many = ["--attention-pictures", "augmented", "--batches", "45", "--attention-batch-size", "2"]
    words = [*small[:8], *many, "--head-epochs", "1", "--out", str(tmp_path / "part.json")]
    log = tmp_path / "stderr"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "delta_app", "attention", *words, *where, "--json"],
            cwd=Path(__file__).resolve().parents[2],
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
    try:
        deadline = time.monotonic() + 120
        while process.poll() is None and not measured(tmp_path / "runs", 7 / 45):
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, log.read_text()
    result = json.loads(out)
    assert result["status"] == "stopped"
    assert 2 <= result["pictures"] < 15
    part = json.loads((tmp_path / "part.json").read_text())
    assert len(part["pictures"]) == result["pictures"]
    assert "Stopped by you; the attention is kept" in log.read_text()


def measured(runs_dir: Path, share: float) -> bool:
    """Whether a run there has measured more than this share of what it is to measure."""
    if not (runs_dir / "store.sqlite").is_file():
        return False
    return any(
        run.phase == "measuring attention" and run.phase_done > share * (run.phase_total or 0)
        for run in runs.list_runs(runs_dir=runs_dir)
    )

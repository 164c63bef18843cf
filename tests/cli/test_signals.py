"""Ctrl-C and SIGTERM in the middle of a run, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
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
    where = ["--runs-dir", str(tmp_path / "runs")]
    words = ["train", *small, "--method", "l2", "--epochs", "10000", *where, "--json"]
    said = signalled(words, number, tmp_path, lambda log: "Epoch 2 of" in log)
    assert said.code == 130, said.log
    assert '"status": "interrupted"' in said.out
    assert "Traceback" not in said.log
    listed = say("runs", "list", "--json", *where).last_json["runs"]
    assert [run["status"] for run in listed] == ["interrupted"]


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_measured_of_an_attention(small: list[str], tmp_path: Path) -> None:
    where = ["--runs-dir", str(tmp_path / "runs"), "--out", str(tmp_path / "part.json")]
    # Two pictures after the other, six or seven crops each: the first are done after 7 batches.
    many = ["--attention-pictures", "augmented", "--batches", "45", "--attention-batch-size", "2"]
    words = ["attention", *small[:8], *many, "--head-epochs", "1", *where, "--json"]
    said = signalled(
        words, signal.SIGINT, tmp_path, lambda log: measured(tmp_path / "runs", 7 / 45)
    )
    assert said.code == 130, said.log
    result = json.loads(said.out)
    assert result["status"] == "stopped"
    assert 2 <= result["pictures"] < 15
    part = json.loads((tmp_path / "part.json").read_text())
    assert len(part["pictures"]) == result["pictures"]
    assert "Stopped by you; the attention is kept" in said.log


@dataclass(frozen=True)
class Said:
    """What a command left: its exit code, stdout and stderr."""

    code: int
    out: str
    log: str


def signalled(
    words: list[str], number: signal.Signals, folder: Path, ready: Callable[[str], bool]
) -> Said:
    """Run a command, send it the signal once `ready` holds for its stderr, and wait for its end."""
    log = folder / "stderr"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "delta_app", *words],
            cwd=Path(__file__).resolve().parents[2],
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
    try:
        deadline = time.monotonic() + 120
        while process.poll() is None and not ready(log.read_text()):
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    return Said(process.returncode, out.decode(), log.read_text())


def measured(runs_dir: Path, share: float) -> bool:
    """Whether a run there has measured more than this share of what it is to measure."""
    if not (runs_dir / "store.sqlite").is_file():
        return False
    return any(
        run.phase == "measuring attention" and run.phase_done > share * (run.phase_total or 0)
        for run in runs.list_runs(runs_dir=runs_dir)
    )

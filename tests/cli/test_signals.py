"""Ctrl-C and SIGTERM in the middle of a run, in a process of its own."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_process import disturbed

from delta_app.services import runs

Say = Callable[..., Any]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_the_run_between_two_steps(
    number: signal.Signals, small: list[str], tmp_path: Path, say: Say
) -> None:
    where = ["--runs-dir", str(tmp_path / "runs")]
    words = ["train", *small, "--method", "l2", "--epochs", "10000", *where, "--json"]
    said = disturbed(
        words,
        tmp_path,
        lambda log: "Epoch 2 of" in log,
        lambda process: process.send_signal(number),
    )
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
    said = disturbed(
        words,
        tmp_path,
        lambda log: measured(tmp_path / "runs", 7 / 45),
        lambda process: process.send_signal(signal.SIGINT),
    )
    assert said.code == 130, said.log
    result = json.loads(said.out)
    assert result["status"] == "stopped"
    assert 2 <= result["pictures"] < 15
    part = json.loads((tmp_path / "part.json").read_text())
    assert len(part["pictures"]) == result["pictures"]
    assert "Stopped by you; the attention is kept" in said.log


def measured(runs_dir: Path, share: float) -> bool:
    """Whether a run there has measured more than this share of what it is to measure."""
    if not (runs_dir / "store.sqlite").is_file():
        return False
    return any(
        run.phase == "measuring attention" and run.phase_done > share * (run.phase_total or 0)
        for run in runs.list_runs(runs_dir=runs_dir)
    )

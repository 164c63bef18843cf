"""A command in a process of its own, to which something happens in the middle."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Said:
    """What a command left: its exit code, stdout and stderr."""

    code: int
    out: str
    log: str


def disturbed(
    words: list[str],
    folder: Path,
    ready: Callable[[str], bool],
    act: Callable[[subprocess.Popen[bytes]], None],
) -> Said:
    """Run a command, do something once `ready` holds for its stderr, and wait for its end."""
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
        act(process)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    return Said(process.returncode, out.decode(), log.read_text())

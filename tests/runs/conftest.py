"""A store, runs in it, and other processes on it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from delta_app.runs.description import describe_run
from delta_app.runs.records import TRAINING, RunRecord
from delta_app.runs.store import RunStore

STANDIN = Path(__file__).with_name("standin.py")


@pytest.fixture(scope="session")
def standin() -> ModuleType:
    """tests/runs/standin.py, for this process."""
    spec = importlib.util.spec_from_file_location("standin", STANDIN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["standin"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    store = RunStore(tmp_path / "runs")
    yield store
    store.close()


@pytest.fixture
def new_run(store: RunStore, standin: ModuleType) -> Callable[..., RunRecord]:
    """Put a run in the queue: new_run(name, epochs=..., device=...)."""

    def create(name: str = "a run", **settings: Any) -> RunRecord:
        config = standin.small_config(**settings)
        return store.create(TRAINING, name, **describe_run(TRAINING, config))

    return create


@pytest.fixture
def other_process(store: RunStore) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start standin.py on the store in a process of its own; ended at the test's end."""
    started: list[subprocess.Popen[str]] = []

    def start(what: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(STANDIN), what, str(store.runs_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
            },
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:  # closes its pipes and waits for it
            process.kill()


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait until a condition holds: until(lambda: ..., seconds)."""

    def wait(condition: Callable[[], object], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.02)

    return wait

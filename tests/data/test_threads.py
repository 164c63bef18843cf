"""Work in threads comes back in order, bounded, and ends when asked."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from delta_app.data.threads import in_threads
from delta_app.errors import Cancelled


def test_results_are_in_order_with_progress() -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.02 if number == 0 else 0)
        return number * number

    seen: list[tuple[int, int]] = []
    results = in_threads(slow_first, range(30), on_progress=lambda *now: seen.append(now))
    assert list(results) == [n * n for n in range(30)]
    assert seen == [(done, 30) for done in range(1, 31)]
    assert list(in_threads(slow_first, [])) == []


def test_no_more_than_a_few_results_wait() -> None:
    started = 0
    lock = threading.Lock()

    def work(number: int) -> int:
        nonlocal started
        with lock:
            started += 1
        return number

    results = in_threads(work, range(1000), threads=2)
    next(results)
    time.sleep(0.05)
    assert started <= 9
    results.close()  # type: ignore[attr-defined]


def test_runs_in_several_threads() -> None:
    meeting = threading.Barrier(3, timeout=5)
    list(in_threads(lambda _: meeting.wait(), range(3), threads=3))


def test_error_comes_at_its_turn_and_threads_end() -> None:
    def work(number: int) -> int:
        if number == 2:
            raise ValueError("two")
        return number

    results = in_threads(work, range(100))
    assert (next(results), next(results)) == (0, 1)
    with pytest.raises(ValueError, match="two"):
        next(results)
    assert not [t for t in threading.enumerate() if t.name.startswith("delta-decode")]


def test_cancel() -> None:
    asked = iter([False, False])
    results = in_threads(str, range(9), cancelled=lambda: next(asked, True))
    assert (next(results), next(results)) == ("0", "1")
    with pytest.raises(Cancelled):
        next(results)


def test_end_of_the_process_is_a_stop_not_an_error() -> None:
    """A worker thread that still decodes while the interpreter ends must not break."""
    program = (
        "import threading, time\n"
        "from delta_app.data.threads import in_threads\n"
        "from delta_app.errors import Cancelled\n"
        "def run():\n"
        "    try:\n"
        "        for _ in in_threads(lambda _: time.sleep(0.02), range(10_000)): pass\n"
        "    except Cancelled:\n"
        "        print('stopped', flush=True)\n"
        "threading.Thread(target=run).start()\n"
        "time.sleep(0.2)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "stopped", "")

"""What is set once a process, tried in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from delta_app.runtime import _container_cores, usable_cores

# Six blocks of 40 MB, allocated and freed again and again as a training step does.
FAULTS = """
import resource, threading, torch
from delta_app.runtime import prepare_process
torch.set_num_threads(1)
{prepare}
def work():
    def step():
        blocks = [torch.ones(10_000_000) for _ in range(6)]
    faults = []
    for _ in range(9):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        step()
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    print(sorted(faults)[4])  # the heap may grow in some steps, but not in most
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "confstr"), reason="needs glibc")
def test_a_training_thread_does_not_fetch_its_memory_anew_each_step() -> None:
    if "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""):
        pytest.skip("the C library is not glibc")
    pages_a_step = 6 * 40_000_000 // os.sysconf("SC_PAGE_SIZE")
    assert int(run(FAULTS.format(prepare=""))) > 0.5 * pages_a_step
    assert int(run(FAULTS.format(prepare="prepare_process()"))) < 0.4 * pages_a_step


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "confstr"), reason="needs glibc")
def test_kept_blocks_can_be_given_back_to_the_system() -> None:
    if "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""):
        pytest.skip("the C library is not glibc")
    code = """
import psutil, torch
from delta_app.runtime import give_back_blocks, prepare_process
prepare_process()
resident = lambda: psutil.Process().memory_info().rss
before = resident()
blocks = [torch.ones(10_000_000) for _ in range(6)]
del blocks
kept = resident() - before
print(give_back_blocks(), kept > 200e6, resident() - before < 50e6)
"""
    assert run(code) == "True True True"


@pytest.mark.slow
def test_tf32_is_off_and_threads_follow_into_new_threads() -> None:
    code = """
import threading, torch
from delta_app.runtime import prepare_process, usable_cores
prepare_process()
print(torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)
seen = []
thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
thread.start()
thread.join()
print(seen[0] == torch.get_num_threads() <= usable_cores())
torch.set_num_threads(1)
prepare_process()
print(torch.get_num_threads())
"""
    assert run(code).splitlines() == ["False False", "True", "1"]


@pytest.mark.parametrize(
    ("text", "cores"),
    [("200000 100000", 2), ("150000 100000", 2), ("max 100000", None), ("", None)],
)
def test_container_quota(tmp_path: Path, text: str, cores: int | None) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(text)
    assert _container_cores(file) == cores


def test_usable_cores_are_those_of_the_affinity_at_most() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


@pytest.mark.slow
def test_a_collection_passes_over_what_was_imported_at_the_start() -> None:
    code = """
import gc
from delta_app.runtime import prepare_process
before = len(gc.get_objects())
prepare_process()
print(len(gc.get_objects()) < 0.01 * before)
"""
    assert run(code) == "True"

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from delta_app.runs.folder import RunFolder, new_folder
from delta_app.runs.locks import DeviceLock, is_owned, own
from delta_app.runs.records import RunStatus
from delta_app.runs.store import RunStore


@pytest.mark.slow
def test_an_owner_lock_is_held_once_and_seen_from_the_same_process(tmp_path: Path) -> None:
    folder = new_folder(tmp_path, "l2")
    assert not is_owned(folder)
    lock = own(folder)
    assert lock is not None
    assert is_owned(folder)
    assert own(folder) is None
    lock.release()
    assert not is_owned(folder)


def test_looking_leaves_a_lock_free(tmp_path: Path) -> None:
    folder = new_folder(tmp_path, "l2")
    lock = own(folder)
    assert lock is not None
    lock.release()
    for _ in range(3):
        assert not is_owned(folder)
    assert own(folder) is not None


def test_nothing_is_owned_or_made_where_there_is_no_folder(tmp_path: Path) -> None:
    gone = RunFolder(tmp_path / "gone")
    assert own(gone) is None
    assert not is_owned(gone)
    assert not gone.path.exists()


@pytest.mark.slow
def test_a_killed_process_frees_its_locks(
    store: RunStore,
    other_process: Callable[[str], subprocess.Popen[str]],
    until: Callable[..., None],
) -> None:
    process = other_process("foreground")
    until(lambda: store.runs(status=RunStatus.RUNNING))
    folder = RunFolder(store.runs()[0].folder)
    device = DeviceLock(store.runs_dir, "cpu")
    assert is_owned(folder)
    assert not device.acquire("this test")
    assert device.in_use() == f"waits for cpu, in use by the command line, process {process.pid}"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not is_owned(folder)
    assert device.acquire("this test")
    device.release()


def test_a_device_is_one_process_s_until_it_is_given_back(tmp_path: Path) -> None:
    one, two, other = (DeviceLock(tmp_path, device) for device in ("cuda:0", "cuda:0", "cuda:1"))
    assert one.acquire("the app, process 1")
    assert not two.acquire("process 2")
    assert two.in_use() == "waits for cuda:0, in use by the app, process 1"
    assert other.acquire("process 2")
    two.release()  # it has nothing to give back
    assert one.held
    one.release()
    assert two.in_use() == "waits for cuda:0"
    assert two.acquire("process 2")

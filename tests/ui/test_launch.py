"""The app as a process: it answers, works on queued runs, and ends cleanly."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from delta_app.errors import SettingsError
from delta_app.runs.records import RunStatus
from delta_app.runs.store import RunStore
from delta_app.services.runs import submit
from delta_app.training.run_config import RunConfig
from delta_app.ui.launch import launch

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def endless(tmp_path: Path) -> RunConfig:
    """A run on drawn pictures that would take hours."""
    for number in range(24):
        path = tmp_path / "pictures" / f"class {number % 3}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 40), (10 * number, 80 * (number % 3), 128)).save(path)
    return RunConfig.from_flat(
        {
            "method": "l2",
            "data": str(tmp_path / "pictures"),
            "backbone": "shufflenet_v2_x0_5",
            "weights": "random",
            "image_size": 64,
            "epochs": 10000,
            "batch_size": 8,
            "device": "cpu",
        }
    )


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def app(tmp_path: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """The app, just started, as a person would from a terminal."""
    command = [sys.executable, "-m", "delta_app", "app", "--no-browser", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--runs-dir", str(tmp_path / "runs")],
        cwd=ROOT,
        env=os.environ | {"DELTA_CACHE_DIR": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield process
    process.kill()
    process.wait()


def wait_until(reached: object, seconds: float = 120.0) -> None:
    assert callable(reached)
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=5) as reply:
            return bool(reply.read() == b"ok")
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_app_and_interrupts_its_run(
    number: signal.Signals,
    endless: RunConfig,
    tmp_path: Path,
    port: int,
    app: subprocess.Popen[str],
) -> None:
    run_id = submit(endless, runs_dir=tmp_path / "runs")
    store = RunStore(tmp_path / "runs")
    wait_until(lambda: answers(port) and store.get(run_id).step > 3)
    assert store.get(run_id).status is RunStatus.RUNNING
    app.send_signal(number)
    said, _ = app.communicate(timeout=30)
    assert app.returncode == 0, said
    assert f"http://localhost:{port}" in said
    assert "Traceback" not in said
    assert store.get(run_id).status is RunStatus.INTERRUPTED


def test_a_port_in_use_is_told_with_another_one(tmp_path: Path, port: int) -> None:
    with socket.create_server(("localhost", port)):
        with pytest.raises(SettingsError, match=f"localhost:{port}") as raised:
            launch(host="localhost", port=port, runs_dir=tmp_path, open_browser=False)
        assert f"--port {port + 1}" in raised.value.cure


def test_no_message_is_sent_as_a_reference_that_the_browser_may_have_forgotten() -> None:
    code = """
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_cache import populate_hash_if_needed
message = ForwardMsg()
message.delta.new_element.markdown.body = "x" * 5_000_000
populate_hash_if_needed(message)
print(message.metadata.cacheable)
"""
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False", found.stderr


def test_no_redraw_walks_through_every_object_of_the_process() -> None:
    """Streamlit reads the option from the project's file; it would stop training each time."""
    code = "from streamlit import config; print(config.get_option('runner.postScriptGC'))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"

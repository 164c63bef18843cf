"""The app as a process: it answers, works on queued runs, and ends cleanly."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from delta_app.errors import SettingsError
from delta_app.runs.records import RunStatus
from delta_app.runs.store import RunStore
from delta_app.services.opening import Opening
from delta_app.services.runs import submit
from delta_app.training.run_config import RunConfig
from delta_app.ui.launch import launch

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse"


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


@pytest.fixture(params=[False, True], ids=["alone", "shared"])
def app(
    tmp_path: Path, port: int, request: pytest.FixtureRequest
) -> Iterator[subprocess.Popen[str]]:
    """The app, just started, as a person would from a terminal; behind a password where shared."""
    command = [sys.executable, "-m", "delta_app", "app", "--no-browser", "--port", str(port)]
    own = {"DELTA_CACHE_DIR": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    if request.param:
        command += ["--share", "--host", "127.0.0.1"]
        own["DELTA_APP_PASSWORD"] = PASSWORD
    process = subprocess.Popen(
        [*command, "--runs-dir", str(tmp_path / "runs")],
        cwd=ROOT,
        env=os.environ | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        yield process
        process.kill()


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
    assert f":{port}  (Ctrl-C ends it)" in said
    assert PASSWORD not in said
    assert "Traceback" not in said
    assert store.get(run_id).status is RunStatus.INTERRUPTED


def test_a_port_in_use_is_told_with_another_one(tmp_path: Path, port: int) -> None:
    with socket.create_server(("localhost", port)):
        with pytest.raises(SettingsError, match=f"localhost:{port}") as raised:
            launch(Opening(runs_dir=tmp_path, port=port, open_browser=False))
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


@pytest.mark.parametrize(
    ("opening", "message"),
    [
        ({"host": "0.0.0.0"}, "--host 0.0.0.0 would let other computers"),
        ({"share": True}, "nothing keeps strangers out"),
        ({"share": True, "password_file": "gone"}, "password file gone cannot be read"),
        ({"roots": ("gone",)}, "--root gone is no folder"),
    ],
)
def test_nothing_is_opened_to_strangers(
    opening: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DELTA_APP_PASSWORD", raising=False)
    monkeypatch.setattr("delta_app.ui.launch.serve", lambda *_: pytest.fail("it was opened"))
    with pytest.raises(SettingsError, match=message) as caught:
        launch(Opening(runs_dir=tmp_path, **opening))
    assert caught.value.cure


SAFE = {
    "server.enableXsrfProtection": True,
    "server.enableCORS": True,
    "server.corsAllowedOrigins": [],
    "server.trustedUserHeaders": {},
    "server.enableStaticServing": False,
    "server.maxUploadSize": 32,
    "browser.gatherUsageStats": False,
    "global.developmentMode": False,
}


def opposite(value: Any) -> str:
    """How a file says another value."""
    if isinstance(value, bool):
        return str(not value).lower()
    return {"[]": '["https://evil.example"]', "{}": '{ "X-User" = "user" }'}.get(str(value), "999")


@pytest.mark.slow
@pytest.mark.parametrize("share", [False, True])
def test_nothing_of_the_users_turns_the_protection_off(
    tmp_path: Path, port: int, share: bool
) -> None:
    """A file in the home folder and the environment ask for the opposite of every option."""
    (tmp_path / ".streamlit").mkdir()
    by_section: dict[str, list[str]] = {}
    for option, value in SAFE.items():
        section, name = option.split(".")
        by_section.setdefault(section, []).append(f"{name} = {opposite(value)}")
    by_section["server"] += ['address = "0.0.0.0"', 'allowedHosts = ["*"]']
    file = "\n".join(f"[{name}]\n" + "\n".join(lines) for name, lines in by_section.items())
    (tmp_path / ".streamlit" / "config.toml").write_text(file)
    environment = {
        "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "false",
        "STREAMLIT_SERVER_ENABLE_CORS": "false",
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "true",
        "STREAMLIT_SERVER_ADDRESS": "0.0.0.0",
        "STREAMLIT_SERVER_MAX_UPLOAD_SIZE": "999",
    }
    code = f"""
import json
from pathlib import Path
from streamlit import config
from delta_app.services.opening import Opening
from delta_app.ui import launch

def report(*_: object) -> None:
    names = {[*SAFE, "server.address", "server.allowedHosts"]!r}
    print("OPTIONS", json.dumps({{name: config.get_option(name) for name in names}}))

class Runner:
    def __init__(self, application):
        print("GUARDED", type(application).__name__)
    run = report

launch.bootstrap.run, launch.UvicornRunner = report, Runner
launch.launch(Opening(Path({str(tmp_path / "runs")!r}), {port}, share={share}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ
        | environment
        | {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
        | ({"DELTA_APP_PASSWORD": PASSWORD} if share else {}),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (line,) = [each for each in done.stdout.splitlines() if each.startswith("OPTIONS")]
    options = json.loads(line.removeprefix("OPTIONS"))
    own = ["localhost", "127.0.0.1", "::1", "localhost"]
    address, hosts = ("0.0.0.0", []) if share else ("localhost", own)
    assert options == SAFE | {"server.address": address, "server.allowedHosts": hosts}
    assert ("GUARDED Guard" in done.stdout) == share


class Browser:
    """What keeps cookies and follows to where it is sent."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}"
        jar = urllib.request.HTTPCookieProcessor(CookieJar())
        self._opener = urllib.request.build_opener(jar)

    def open(self, path: str, **form: str) -> tuple[int, str, str]:
        """Status, address and text."""
        data = urllib.parse.urlencode(form).encode() if form else None
        try:
            with self._opener.open(self._address + path, data, timeout=30) as reply:
                return reply.status, reply.url, reply.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.url, error.read().decode()


@pytest.mark.slow
@pytest.mark.parametrize("app", [True], indirect=True, ids=["shared"])
def test_a_shared_app_answers_whoever_knows_the_password(
    port: int, app: subprocess.Popen[str]
) -> None:
    wait_until(lambda: answers(port))
    command = Path(f"/proc/{app.pid}/cmdline")
    assert not command.exists() or PASSWORD.encode() not in command.read_bytes()
    browser, deep = Browser(port), "/run?run=delta-k3f9a2&tab=Errors"
    for path in (deep, "/", "/media/x.jpg", "/_stcore/host-config", "/static/index.html"):
        status, _, text = browser.open(path)
        assert (status, "Sign in" in text, "streamlit" in text.lower()) == (401, True, False), path
    assert browser.open(deep, password="wrong")[0] == 401
    status, address, text = browser.open(deep, password=PASSWORD)
    assert (status, address.endswith(deep)) == (200, True)
    assert "<title>Streamlit</title>" in text
    assert browser.open("/_stcore/host-config")[0] == 200
    assert Browser(port).open("/_stcore/host-config")[0] == 401, "a visitor of their own"
    assert "Sign in" in browser.open("/sign-out")[2]
    assert browser.open("/_stcore/host-config")[0] == 401

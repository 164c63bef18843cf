"""The real app in a process of its own, and the Chromium that drives it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import BrowserType

from tests.given_data import data_folder

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 180
END_SECONDS = 120

CURE = (
    "install one (apt-get install chromium) or fetch Playwright's own "
    "(python -m playwright install chromium)"
)


def find_chromium(playwrights: BrowserType) -> str | None:
    """Path of the machine's Chromium, or of Playwright's own; None where there is neither."""
    machines = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next((path for name in machines if (path := shutil.which(name))), None)
    if found is None and Path(playwrights.executable_path).is_file():
        found = playwrights.executable_path
    return found


@dataclass
class App:
    """A running app.

    Attributes:
        url: without a slash at its end.
        runs_dir: its runs folder, which the test may write into like any other process.
        connections: what `watched_network` notes of it.
    """

    url: str
    runs_dir: Path
    process: subprocess.Popen[bytes]
    log: Path
    connections: Path

    def end(self) -> int:
        """Ask it to end as Ctrl-C would, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def start_app(folder: Path) -> App:
    """Start `python -m delta_app app` on a free port, with runs, caches and home in `folder`.

    It may read the folders that tests draw pictures into, beside it, and the test data.
    """
    port, runs_dir, log = _free_port(), folder / "runs", folder / "app.log"
    connections = folder / "connections.txt"
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DELTA_")}
    command = [sys.executable, "-m", "delta_app", "app", "--no-browser", "--port", str(port)]
    for root in (folder.parent, data_folder()):
        command += ["--root", str(root)] if root.is_dir() else []
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--runs-dir", str(runs_dir)],
            cwd=ROOT,
            env=kept
            | {
                "HOME": str(home),
                "XDG_DATA_HOME": str(home / "data"),
                "XDG_CACHE_HOME": str(home / "cache"),
                "DELTA_CACHE_DIR": str(folder / "cache"),
                "PYTHONPATH": str(Path(__file__).parent / "watched_network"),
                "CONNECTIONS": str(connections),
            },
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    app = App(f"http://localhost:{port}", runs_dir, process, log, connections)
    _wait_until_it_answers(app)
    return app


def _wait_until_it_answers(app: App) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if app.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{app.url}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    app.process.kill()
    app.process.wait()
    raise RuntimeError(f"the app did not come up:\n{app.log.read_text(errors='replace')[-3000:]}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return int(listener.getsockname()[1])

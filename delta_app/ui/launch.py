"""Opens the app: the worker first, then Streamlit in the same process, and a clean end.

Streamlit runs app.py only once a browser connects; runs that wait in the queue must not wait
for that, so the worker is started here.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from streamlit import config
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import bootstrap

from delta_app.errors import SettingsError
from delta_app.runtime import prepare_process
from delta_app.services import runs

APP = Path(__file__).resolve().parents[2] / "app.py"

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def launch(*, host: str, port: int, runs_dir: Path, open_browser: bool) -> int:
    """Serve the app until SIGINT or SIGTERM; returns the exit code, 0 after either.

    A run in the middle ends between two steps and is marked interrupted.

    Raises:
        SettingsError: the address cannot be listened on.
        StoreError: the runs folder cannot be used.
    """
    _check_address(host, port)
    os.environ["DELTA_RUNS_DIR"] = str(runs_dir)  # the pages of this process ask for it
    prepare_process()
    with contextlib.suppress(KeyboardInterrupt), _interrupted_by_signals():
        workers = runs.start_worker(runs_dir)
        try:
            print(f"Delta App: http://{host}:{port}  (Ctrl-C ends it)", flush=True)
            _serve(host, port, open_browser)
        finally:
            workers.request_shutdown()
    if not workers.join(0.5):
        print("Ending the run between two steps. Ctrl-C once more ends it at once.", flush=True)
        with _ended_at_once_by_signals():
            workers.join()
    return 0


def _serve(host: str, port: int, open_browser: bool) -> None:
    """Run Streamlit's server until a signal stops it; it sets handlers of its own."""
    options = {
        "server_address": host,
        "server_port": port,
        "server_headless": not (open_browser and _has_display()),
        "server_fileWatcherType": "none",
        "browser_gatherUsageStats": False,
        "client_toolbarMode": "viewer",
        "global_developmentMode": False,
        "logger_hideWelcomeMessage": True,
    }
    config._main_script_path = str(APP)  # where .streamlit/config.toml is looked for
    bootstrap.load_config_options(options)
    # Else the first visit after a start takes pages/ for Streamlit's older kind of pages, and
    # an address such as /run?run=ID opens a page without its frame, or none.
    PagesManager.uses_pages_directory = False
    bootstrap.run(str(APP), False, [], options)


def _has_display() -> bool:
    """Whether a browser window can be opened on this machine."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _check_address(host: str, port: int) -> None:
    """Raise SettingsError where the address cannot be listened on."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        raise SettingsError(
            f"Delta App cannot listen on {host}:{port}: {error.strerror or error}.",
            cure=f"Choose another port: --port {port + 1}.",
            field="port",
        ) from error


@contextlib.contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """SIGTERM too raises KeyboardInterrupt, until Streamlit takes the signals over."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in _SIGNALS:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # the end has begun, and is not to be disturbed


@contextlib.contextmanager
def _ended_at_once_by_signals() -> Iterator[None]:
    """A signal ends the process on the spot, as only a thread inside torch makes it necessary."""

    def end(number: int, frame: FrameType | None) -> None:
        os._exit(128 + number)

    for number in _SIGNALS:
        signal.signal(number, end)
    yield

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
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import streamlit
from streamlit import config
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import bootstrap
from streamlit.web.server.starlette.starlette_server import UvicornRunner

from delta_app.errors import SettingsError
from delta_app.runtime import prepare_process
from delta_app.services import allowed, runs
from delta_app.services.looked_at import MOST_MEGABYTES
from delta_app.services.opening import Opening
from delta_app.services.password import Password, read_password
from delta_app.services.sharing import EVERYWHERE, host_of
from delta_app.ui import access
from delta_app.ui.guard import Guard
from delta_app.ui.login_page import COLORS, login_page

APP = Path(__file__).resolve().parents[2] / "app.py"

_OWN_NAMES = ("localhost", "127.0.0.1", "::1")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def launch(opening: Opening) -> int:
    """Serve the app until SIGINT or SIGTERM; returns the exit code, 0 after either.

    A run in the middle ends between two steps and is marked interrupted.

    Raises:
        SettingsError: the address cannot be listened on, or others would reach it without a lock;
            a root is no folder; the password cannot be used.
        StoreError: the runs folder cannot be used.
    """
    config._main_script_path = str(APP)  # where .streamlit is looked for
    password = read_password(opening.password_file)
    login = password is None and opening.share and access.login_configured()
    locked = password is not None or login
    host = host_of(opening.host, share=opening.share, locked=locked)
    allowed.set_roots(opening.roots)
    _check_address(host, opening.port)
    os.environ["DELTA_RUNS_DIR"] = str(opening.runs_dir)  # the pages of this process ask for it
    access.lock_with("password" if password else "login" if login else "none")
    prepare_process()
    with contextlib.suppress(KeyboardInterrupt), _interrupted_by_signals():
        workers = runs.start_worker(opening.runs_dir)
        try:
            _say_where(host, opening)
            serve(options_for(opening, host), password)
        finally:
            workers.request_shutdown()
    if not workers.join(0.5):
        print("Ending the run between two steps. Ctrl-C once more ends it at once.", flush=True)
        with _ended_at_once_by_signals():
            workers.join()
    return 0


def _say_where(host: str, opening: Opening) -> None:
    """Print the address, and who reaches it."""
    name = socket.gethostname() if host in (EVERYWHERE, "::") else host
    shown = f"[{name}]" if ":" in name else name
    print(f"Delta App: http://{shown}:{opening.port}  (Ctrl-C ends it)", flush=True)
    if opening.share:
        print(
            "Shared: other computers can open it and must sign in. What passes between is not "
            "encrypted: see docs/security.md.",
            flush=True,
        )


def options_for(opening: Opening, host: str) -> dict[str, Any]:
    """Streamlit's options for this launch; they go before its files and the environment.

    What keeps others out is said here and not left to them: a line in a file of the user's would
    else turn it off unseen.
    """
    return {
        "server_address": host,
        "server_port": opening.port,
        "server_headless": not (opening.open_browser and _has_display()),
        "server_fileWatcherType": "none",
        "server_enableXsrfProtection": True,
        "server_enableCORS": True,  # on: other sites' pages may not read what this one says
        "server_corsAllowedOrigins": [],
        # A foreign name that leads to this computer must not make another site's page this one.
        "server_allowedHosts": [] if opening.share else [*_OWN_NAMES, host],
        "server_trustedUserHeaders": {},
        "server_enableStaticServing": False,
        "server_maxUploadSize": MOST_MEGABYTES,
        "browser_gatherUsageStats": False,
        "client_toolbarMode": "viewer",
        "global_developmentMode": False,
        "logger_hideWelcomeMessage": True,  # it would also ask a server what this one is called
    }


def serve(options: dict[str, Any], password: Password | None) -> None:
    """Run Streamlit's server until a signal stops it; it sets handlers of its own."""
    bootstrap.load_config_options(options)
    # Else the first visit after a start takes pages/ for Streamlit's older kind of pages, and
    # an address such as /run?run=ID opens a page without its frame, or none.
    PagesManager.uses_pages_directory = False
    if password is None:
        bootstrap.run(str(APP), False, [], options)
    else:
        page = partial(login_page, _colors("light"), _colors("dark"))
        UvicornRunner(Guard(streamlit.App(APP), password, page)).run()


def _colors(theme: str) -> dict[str, str]:
    """The theme's colours, from .streamlit/config.toml."""
    return {name: config.get_option(f"theme.{theme}.{name}") for name in COLORS}


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

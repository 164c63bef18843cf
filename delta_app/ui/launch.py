"""Opens the app: the worker first, then Streamlit in the same process, and a clean end.

Streamlit runs app.py only once a browser connects; runs that wait in the queue must not wait
for that, so the worker is started here.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

from delta_app.errors import DeltaAppError, SettingsError
from delta_app.runtime import prepare_process
from delta_app.services import runs

APP = Path(__file__).resolve().parents[2] / "app.py"

WAIT_FOR_RUN = 60.0  # s that a run gets to end between two steps


def launch(*, host: str, port: int, runs_dir: Path, open_browser: bool) -> int:
    """Serve the app until SIGINT or SIGTERM; the exit code, 0 after either.

    A run in the middle ends between two steps and is marked interrupted.

    Raises:
        SettingsError: the address cannot be listened on.
    """
    _check_address(host, port)
    os.environ["DELTA_RUNS_DIR"] = str(runs_dir)  # the pages ask for it in this process
    prepare_process()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end_early)
    worker = runs.start_worker(runs_dir)
    try:
        _serve(host, port, open_browser)
    except KeyboardInterrupt:
        pass
    finally:
        ...
    return 0

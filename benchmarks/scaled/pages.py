"""Pages of the app run by Streamlit's own test runner, in this process."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300.0


def prepare() -> None:
    """Let the app's pages be found as they are where it is launched."""
    logging.disable(logging.WARNING)
    begin = PagesManager.__init__

    def begin_as_launched(self: PagesManager, *args: Any, **named: Any) -> None:
        begin(self, *args, **named)
        PagesManager.uses_pages_directory = False

    PagesManager.__init__ = begin_as_launched  # type: ignore[method-assign]


def open_page(page: str, **query: str) -> tuple[AppTest, float, float]:
    """The page, and the seconds its script took: by the clock, and of the processor."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE)
    app.run()
    app.switch_page(f"pages/{page}.py")
    for name, value in query.items():
        app.query_params[name] = value
    return app, *again(app)


def again(app: AppTest) -> tuple[float, float]:
    """Run the page's script once more: seconds by the clock, and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    app.run()
    taken = time.perf_counter() - wall, time.process_time() - cpu
    assert not app.exception, app.exception
    return taken

"""Every page beside a store that cannot be used: the message and the command, no traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from page_words import words
from streamlit.testing.v1 import AppTest

from delta_app.runs.opened import opened
from delta_app.runs.store import STORE_FILE

Opener = Callable[..., AppTest]
PAGES = ["start", "fine_tune", "run", "runs", "compare", "attention", "inspect"]
COMMAND = "python -m delta_app runs repair"


def test_each_page_says_what_to_do_about_a_damaged_store(
    open_page: Opener, queued: Any, runs_dir: Path
) -> None:
    record = queued("l2", "completed")
    app = open_page(f"pages/{PAGES[0]}.py")
    store = opened(runs_dir)
    store.close()
    file = runs_dir / STORE_FILE
    sound = file.read_bytes()
    with file.open("r+b") as damaged:  # the same file, so that the process goes on with it
        damaged.write(b"certainly not SQLite")
    try:
        for page in PAGES:
            app.switch_page(f"pages/{page}.py")
            app.query_params["run"] = record.id
            app.run()
            assert not app.exception, page
            assert COMMAND in words(app), page
    finally:
        store.close()
        file.write_bytes(sound)

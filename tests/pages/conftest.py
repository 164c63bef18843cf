"""The whole app under Streamlit's own test runner, on a runs folder of its own.

The device is held by the test, so that the app's worker waits with what pages queue: nothing is
trained here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pytest
from drawn import draw_folder
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from delta_app.runs.folder import RunFolder
from delta_app.runs.locks import DeviceLock, own
from delta_app.runs.opened import opened
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.services import runs
from delta_app.training.run_config import RunConfig
from delta_app.ui import access

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # s a script run may take on a machine that does much else

Opener = Callable[..., AppTest]


@pytest.fixture
def runs_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty runs folder whose queue stands still."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv("DELTA_RUNS_DIR", str(folder))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("DELTA_CACHE_DIR", str(tmp_path / "cache"))
    # What is browsed first, and where the pictures of the small runs lie.
    monkeypatch.setenv("DELTA_ROOTS", os.pathsep.join([str(tmp_path), gettempdir()]))
    lock = DeviceLock(folder, "cpu")
    assert lock.acquire("a test")
    yield folder
    workers = runs.start_worker(folder)
    workers.request_shutdown()
    assert workers.join(30)
    lock.release()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of three drawn classes with ten pictures each."""
    return draw_folder(tmp_path / "shapes")


@pytest.fixture
def open_page(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Opener:
    """Opens a page of the app by its file, with what its address says."""
    begin = PagesManager.__init__

    def begin_as_launched(self: PagesManager, *args: Any, **named: Any) -> None:
        begin(self, *args, **named)
        PagesManager.uses_pages_directory = False  # as delta_app.ui.launch says, and why

    monkeypatch.setattr(PagesManager, "__init__", begin_as_launched)
    access.lock_with("none")

    def opened(page: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE)
        app.run()
        app.switch_page(page)
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception, app.exception
        return app

    return opened


@pytest.fixture
def queued(runs_dir: Path, pictures: Path) -> Iterator[Any]:
    """Puts a run into the queue; `status` and more change its row, as its worker would."""
    locks = []

    def make(method: str = "delta", status: str = "queued", **row: Any) -> RunRecord:
        config = RunConfig.from_flat(
            {"method": method, "data": str(pictures), "backbone": "resnet18", "weights": "random"}
        )
        run_id = runs.submit(config)
        store = opened(runs_dir)
        if status != "queued":
            # A running row without an owner would be taken for one whose process died.
            locks.append(own(RunFolder(store.get(run_id).folder)))
            row |= {"started_at": time.time(), "queue_position": None}
            store.set_status(run_id, RunStatus.RUNNING, expected=RunStatus.QUEUED, **row)
        if status not in ("queued", "running"):
            store.set_status(run_id, RunStatus(status), expected=RunStatus.RUNNING)
        return store.get(run_id)

    yield make
    for lock in locks:
        lock.release()

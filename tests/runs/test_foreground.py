from __future__ import annotations

import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from delta_app.errors import RunError, SettingsError
from delta_app.runs.control import Shutdown
from delta_app.runs.folder import RunFolder
from delta_app.runs.foreground import run_in_foreground
from delta_app.runs.locks import DeviceLock, is_owned
from delta_app.runs.records import TRAINING, RunRecord, RunStatus
from delta_app.runs.store import RunStore
from delta_app.training.observer import Silent


class Watching(Silent):
    def __init__(self) -> None:
        self.phases: list[tuple[str, str]] = []

    def phase(self, name: str, done: int, total: int | None, detail: str = "") -> None:
        self.phases.append((name, detail))


def start(store: RunStore, standin: ModuleType, shutdown: Shutdown, **more: Any) -> Any:
    """Run in a thread; returns a function that waits for the record."""
    found: list[RunRecord] = []

    def run() -> None:
        config = standin.small_config(epochs=1)
        arguments = (store, TRAINING, config, None, shutdown)
        found.append(run_in_foreground(*arguments, training=standin.small_training, **more))

    thread = threading.Thread(target=run)
    thread.start()

    def ended() -> RunRecord:
        thread.join(60)
        return found[0]

    return ended


def test_a_run_in_the_foreground_is_a_run_like_any_other(
    store: RunStore, standin: ModuleType
) -> None:
    watching = Watching()
    record = start(store, standin, Shutdown(), also=[watching])()
    assert record.status is RunStatus.COMPLETED
    assert record.name == "L2 · flowers"
    assert store.get(record.id) == record
    assert ("training", "") in watching.phases
    assert not is_owned(RunFolder(record.folder))
    assert DeviceLock(store.runs_dir, "cpu").acquire("this test")


@pytest.mark.parametrize(
    ("wanted", "status"), [("stop", RunStatus.STOPPED), ("end", RunStatus.INTERRUPTED)]
)
def test_it_waits_for_the_device_and_can_be_ended_while_it_waits(
    store: RunStore, standin: ModuleType, until: Callable[..., None], wanted: str, status: RunStatus
) -> None:
    device = DeviceLock(store.runs_dir, "cpu")
    assert device.acquire("the app, process 7")
    watching, shutdown = Watching(), Shutdown()
    ended = start(store, standin, shutdown, also=[watching])
    words = "waits for cpu, in use by the app, process 7"
    until(lambda: store.runs() and store.runs()[0].phase_detail == words)
    assert store.runs()[0].queue_position == 1
    if wanted == "stop":
        assert store.request(store.runs()[0].id, "stop").status is RunStatus.QUEUED
    else:
        shutdown.request()
    record = ended()
    assert (record.status, record.owner, record.started_at) == (status, None, None)
    assert watching.phases == [("waiting", words)]
    device.release()


def test_what_cannot_be_run_leaves_nothing_behind(store: RunStore, standin: ModuleType) -> None:
    with pytest.raises(RunError, match="needs a name"):
        run_in_foreground(store, TRAINING, standin.small_config(), "\n", Shutdown())
    with pytest.raises(SettingsError, match="'warp9' is not a device"):
        run_in_foreground(store, TRAINING, standin.small_config(device="warp9"), None, Shutdown())
    assert store.runs() == []
    assert list(store.runs_dir.glob("l2-*")) == []

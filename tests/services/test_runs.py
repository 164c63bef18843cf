"""What pages ask for, on a runs folder of its own."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from delta_app.errors import RunError, SettingsError
from delta_app.regularizers.l2_sp import L2SPSettings
from delta_app.runs.measurements import Measured
from delta_app.runs.opened import opened
from delta_app.runs.records import RunStatus
from delta_app.runs.store import STORE_FILE
from delta_app.services import runs
from delta_app.training.run_config import RunConfig


@pytest.fixture(autouse=True)
def runs_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DELTA_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path / "runs"


def config(device: str = "cpu") -> RunConfig:
    return RunConfig.model_validate(
        {
            "data": {"data": "/home/me/flowers10"},
            "model": {"backbone": "resnet18"},
            "method": L2SPSettings(),
            "optimization": {"device": device},
        }
    )


def test_a_submitted_run_stands_in_the_queue_under_a_name_of_its_own() -> None:
    first, second = runs.submit(config()), runs.submit(config())
    named = runs.submit(config(), "mine")
    attention = runs.submit_attention(config())
    names = [record.name for record in runs.list_runs()]
    assert names == ["Attention · flowers10", "mine", "L2-SP · flowers10 2", "L2-SP · flowers10"]
    assert runs.get_run(second).queue_position == 2
    assert runs.status_words(runs.get_run(first)) == "Queued, next in line"
    assert [record.id for record in runs.list_runs(runs.ATTENTION)] == [attention]
    assert runs.find_run("mine").id == named


def test_a_device_this_machine_lacks_is_said_before_the_run_exists() -> None:
    with pytest.raises(SettingsError, match="cuda:99") as raised:
        runs.submit(config("cuda:99"))
    assert raised.value.field == "device"
    assert runs.list_runs() == []


def test_a_folder_can_be_named_in_place_of_the_default(tmp_path: Path) -> None:
    run_id = runs.submit(config(), runs_dir=tmp_path / "others")
    assert runs.list_runs() == []
    assert [record.id for record in runs.list_runs(runs_dir=tmp_path / "others")] == [run_id]


def test_a_run_whose_process_died_is_interrupted_at_the_next_look(runs_dir: Path) -> None:
    run_id = runs.submit(config())
    opened(runs_dir).claim(run_id, "a process that is gone")
    assert runs.get_run(run_id).status is RunStatus.INTERRUPTED
    again = runs.submit(config())
    opened(runs_dir).claim(again, "a process that is gone")
    assert runs.list_runs(status=RunStatus.RUNNING) == []
    third = runs.submit(config())
    opened(runs_dir).claim(third, "a process that is gone")
    runs.delete(third)  # not refused: nobody works on it
    fourth = runs.submit(config())
    opened(runs_dir).claim(fourth, "a process that is gone")
    # Found to be interrupted first: else nobody would ever heed the request.
    stopping = runs.request_stop(fourth)
    assert (stopping.status, stopping.queue_position) == (RunStatus.QUEUED, 1)
    assert stopping.stopping


def test_rename_stop_events_delete(runs_dir: Path) -> None:
    run_id = runs.submit(config())
    assert runs.rename(run_id, " new  name ").name == "new name"
    opened(runs_dir).add_event(run_id, "info", "hello")
    assert [event.message for event in runs.events(run_id)] == ["hello"]
    stopped = runs.request_stop(run_id)
    assert runs.status_words(stopped) == "Stopped by you before it began"
    runs.delete(run_id)
    with pytest.raises(RunError, match="There is no run"):
        runs.get_run(run_id)


def test_curves_grow_and_are_thinned(runs_dir: Path) -> None:
    run_id = runs.submit(config())
    store = opened(runs_dir)
    store.add_metrics(run_id, [Measured(n, n / 10, {"loss/total": float(n)}) for n in range(3000)])
    assert len(runs.curves(run_id)["loss/total"]) <= 1000
    store.add_metrics(run_id, [Measured(3000, 300.0, {"loss/total": 9e9, "val/top1": 0.5})])
    found = runs.curves(run_id, ["loss/total"], max_points=50)
    assert list(found) == ["loss/total"]
    assert found["loss/total"].values[-1] == 9e9
    assert len(found["loss/total"]) <= 50


@pytest.mark.slow
def test_a_refresh_of_a_long_run_is_cheap(runs_dir: Path) -> None:
    """20,000 points read once; each refresh after that costs milliseconds, not a rereading."""
    run_id = runs.submit(config())
    names = ["a", "b", "c", "d", "e"]
    opened(runs_dir).add_metrics(
        run_id, [Measured(n, n / 10, dict.fromkeys(names, float(n))) for n in range(4000)]
    )
    started = time.process_time()
    runs.curves(run_id)
    first = time.process_time() - started
    started = time.process_time()
    for _ in range(10):
        runs.curves(run_id)
        runs.get_run(run_id)
    assert (time.process_time() - started) / 10 < first / 2


def test_a_store_put_in_another_s_place_is_opened_anew(runs_dir: Path, tmp_path: Path) -> None:
    runs.submit(config())
    kept = tmp_path / "kept"
    runs_dir.rename(kept)
    assert runs.list_runs() == []
    assert (runs_dir / STORE_FILE).is_file()
    assert len(runs.list_runs(runs_dir=kept)) == 1


def test_the_machine(runs_dir: Path) -> None:
    state = runs.machine()
    assert state.device
    assert 0 < state.memory_used < state.memory_total
    assert state.disk_free > 0

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from delta_app.errors import RunError, StoreError
from delta_app.runs.folder import RunFolder
from delta_app.runs.locks import own
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runs.store import RunStore

NewRun = Callable[..., RunRecord]
Start = Callable[[str], "subprocess.Popen[str]"]


def test_a_new_run_has_its_row_and_its_folder(store: RunStore, new_run: NewRun) -> None:
    record = new_run("first", data="/somewhere/flowers10", epochs=7)
    assert (record.name, record.status, record.method) == ("first", RunStatus.QUEUED, "l2")
    assert (record.method_label, record.color) == ("L2", "#0072B2")
    assert (record.dataset, record.backbone) == ("flowers10", "squeezenet1_1")
    assert record.config["optimization"]["epochs"] == 7
    assert record.folder == store.runs_dir / record.id
    assert json.loads(RunFolder(record.folder).config.read_text()) == record.config
    assert store.get(record.id) == record


def test_a_run_that_cannot_be_stored_leaves_no_folder(store: RunStore, new_run: NewRun) -> None:
    with pytest.raises(RunError, match="needs a name"):
        new_run("\n\t ")
    assert [path for path in store.runs_dir.iterdir() if path.is_dir()] == []


def test_runs_come_newest_first_and_by_state(store: RunStore, new_run: NewRun) -> None:
    ids = [new_run(f"run {n}").id for n in range(3)]
    store.claim(ids[1], "me")
    assert [record.id for record in store.runs()] == ids[::-1]
    assert [record.id for record in store.runs(status=RunStatus.RUNNING)] == [ids[1]]
    both = store.runs("training", (RunStatus.QUEUED, RunStatus.RUNNING))
    assert len(both) == 3
    assert store.runs("attention") == []


def test_a_run_is_found_by_id_its_beginning_or_its_name(store: RunStore, new_run: NewRun) -> None:
    one, two = new_run("Größe 100 %"), new_run("twin")
    assert store.find(one.id).id == one.id
    assert store.find(one.id[:-1]).id == one.id
    assert store.find("Größe 100 %").id == one.id
    with pytest.raises(RunError, match=r"may mean several runs: .*l2-.*, l2-"):
        store.find("l2-")
    new_run("twin")
    with pytest.raises(RunError, match="'twin' may mean several"):
        store.find("twin")
    for absent in ("%", "nothing", two.id + "x"):
        with pytest.raises(RunError, match="No run is called"):
            store.find(absent)


@pytest.mark.parametrize(
    ("typed", "kept"), [("  a\tb\n c ", "a b c"), ("<b>x</b> 🌸", "<b>x</b> 🌸"), ("a\x00b", "a b")]
)
def test_a_name_is_kept_on_one_line(
    store: RunStore, new_run: NewRun, typed: str, kept: str
) -> None:
    assert store.rename(new_run().id, typed).name == kept


def test_names_that_cannot_be_used_are_refused(store: RunStore, new_run: NewRun) -> None:
    record = new_run("old")
    with pytest.raises(RunError, match="needs a name, got ' '"):
        store.rename(record.id, " ")
    with pytest.raises(RunError, match="at most 200 characters, got 201"):
        store.rename(record.id, "x" * 201)
    with pytest.raises(RunError, match="There is no run 'nobody'"):
        store.rename("nobody", "x")
    assert store.get(record.id).name == "old"


# The queue


def test_the_queue_is_first_come_first_served(store: RunStore, new_run: NewRun) -> None:
    first, second, third = (new_run(f"run {n}") for n in range(3))
    assert [store.get(r.id).queue_position for r in (first, second, third)] == [1, 2, 3]
    found = store.next_in_line("cpu", takes_auto=True)
    assert found is not None
    assert found.id == first.id
    assert store.claim(first.id, "me")
    assert store.get(first.id).queue_position is None
    assert [store.get(r.id).queue_position for r in (second, third)] == [1, 2]
    store.request(second.id, "stop")
    assert store.get(third.id).queue_position == 1


@pytest.mark.parametrize(
    ("wanted", "device", "takes_auto", "fits"),
    [
        ("auto", "cpu", True, True),
        ("auto", "cpu", False, False),
        ("cpu", "cpu", False, True),
        ("cuda", "cuda:0", True, True),
        ("cuda:0", "cuda:0", False, True),
        ("cuda:1", "cuda:0", True, False),
        ("cuda", "cuda:1", True, False),
        ("cpu", "cuda:0", True, False),
        ("mps", "mps", True, True),
    ],
)
def test_a_worker_takes_runs_for_its_device(
    store: RunStore, new_run: NewRun, wanted: str, device: str, takes_auto: bool, fits: bool
) -> None:
    new_run(device=wanted)
    assert (store.next_in_line(device, takes_auto=takes_auto) is not None) is fits


def test_a_run_is_claimed_once(store: RunStore, new_run: NewRun) -> None:
    record = new_run()
    assert store.claim(record.id, "one")
    assert not store.claim(record.id, "two")
    claimed = store.get(record.id)
    assert (claimed.status, claimed.owner) == (RunStatus.RUNNING, "one")
    assert claimed.started_at is not None


@pytest.mark.slow
def test_two_processes_that_claim_at_once_share_the_runs(
    store: RunStore, new_run: NewRun, other_process: Start
) -> None:
    ids = {new_run(f"run {n}").id for n in range(30)}
    processes = [other_process("claim") for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:  # both are up: now both go for the same runs
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    claimed = [line for p in processes for line in p.communicate(timeout=60)[0].split()]
    assert len(claimed) == len(ids)
    assert set(claimed) == ids


def test_a_state_changes_only_from_the_one_expected(store: RunStore, new_run: NewRun) -> None:
    record = new_run("mine")
    with pytest.raises(RunError, match="Run 'mine' is queued, expected running or paused"):
        store.set_status(
            record.id, RunStatus.COMPLETED, expected=(RunStatus.RUNNING, RunStatus.PAUSED)
        )
    assert store.get(record.id) == record
    store.begin(record.id)
    store.set_status(record.id, RunStatus.COMPLETED, expected=RunStatus.RUNNING, seconds=3.0)
    ended = store.get(record.id)
    assert (ended.status, ended.seconds) == (RunStatus.COMPLETED, 3.0)


# Stopping


def test_stop_ends_a_waiting_run_at_once_and_asks_a_running_one(
    store: RunStore, new_run: NewRun
) -> None:
    running, waiting = new_run(), new_run()
    store.claim(running.id, "me")
    assert store.request(running.id, "stop").stopping
    assert store.requested(running.id) == "stop"
    with pytest.raises(RunError, match="is stopping already"):
        store.request(running.id, "pause")
    stopped = store.request(waiting.id, "stop")
    assert stopped.status is RunStatus.STOPPED
    assert stopped.finished_at is not None
    with pytest.raises(RunError, match="is stopped: it has ended already"):
        store.request(waiting.id, "stop")


def test_a_run_that_waits_with_its_process_is_asked_not_ended(
    store: RunStore, new_run: NewRun
) -> None:
    record = new_run()
    store.update(record.id, owner="the command line")
    asked = store.request(record.id, "stop")
    assert (asked.status, asked.request) == (RunStatus.QUEUED, "stop")


# Deleting


def test_deleting_takes_row_folder_points_and_log(store: RunStore, new_run: NewRun) -> None:
    record, other = new_run(), new_run()
    for each in (record, other):
        store.add_event(each.id, "info", "hello")
    (record.folder / "best.safetensors").write_bytes(b"weights")
    store.delete(record.id)
    with pytest.raises(RunError, match="There is no run"):
        store.get(record.id)
    assert not record.folder.exists()
    assert not list(store.runs_dir.glob(".deleted-*"))
    with sqlite3.connect(store.runs_dir / "store.sqlite") as raw:
        assert raw.execute("select count(*) from events").fetchone() == (1,)
    raw.close()
    assert [e.message for e in store.events(other.id)] == ["hello"]


@pytest.mark.parametrize("waiting", [False, True])
def test_deleting_is_refused_while_a_process_works_on_the_run(
    store: RunStore, new_run: NewRun, waiting: bool
) -> None:
    record = new_run("busy")
    if waiting:
        store.update(record.id, owner="process 7")
    else:
        store.claim(record.id, "process 7")
    with pytest.raises(RunError, match=r"Run 'busy' is .*, and process 7 works on it") as raised:
        store.delete(record.id)
    assert raised.value.cure == "Stop it first."
    assert record.folder.is_dir()
    assert store.get(record.id).name == "busy"


def test_a_folder_that_cannot_be_moved_keeps_its_row(
    store: RunStore, new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = new_run()

    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        with pytest.raises(StoreError, match="cannot be deleted: Permission denied"):
            store.delete(record.id)
    assert store.get(record.id) == record
    assert record.folder.is_dir()


def test_a_row_that_cannot_be_deleted_gets_its_folder_back(
    store: RunStore, new_run: NewRun
) -> None:
    record = new_run()
    with sqlite3.connect(store.runs_dir / "store.sqlite") as raw:
        raw.execute(
            "create trigger keep before delete on runs begin select raise(abort, 'kept'); end"
        )
    raw.close()
    with pytest.raises(StoreError, match="kept"):
        store.delete(record.id)
    assert RunFolder(record.folder).config.is_file()


def test_a_run_whose_folder_was_deleted_by_hand_can_be_deleted(
    store: RunStore, new_run: NewRun
) -> None:
    record = new_run()
    shutil.rmtree(record.folder)
    assert own(RunFolder(record.folder)) is None
    store.delete(record.id)
    assert store.runs() == []


def test_runs_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made") as raised:
        RunStore(tmp_path / "file" / "runs")
    assert "DELTA_RUNS_DIR" in raised.value.cure

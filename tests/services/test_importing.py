"""Run folders from elsewhere are taken over whole, or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from received_runs import changed, slow
from small_runs import SmallRuns, copied, small_runs

from delta_app.errors import StoreError
from delta_app.runs.folder import run_folders
from delta_app.runs.locks import whole_store_lock
from delta_app.runs.opened import opened
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runs.repair import repair
from delta_app.runs.run_file import read_run_file
from delta_app.services import importing, resuming, runs
from delta_app.services.importing import PREFIX, imported_from
from delta_app.services.run_pictures import pictures_of
from delta_app.services.split_results import results_of

OWN = {"id", "folder", "attention", "facts", "phase_at"}
"""What of a record says where it lies, or what it was just doing."""


# What a sound folder becomes


@pytest.mark.parametrize("which", [slow("l2"), "delta", slow("shuffled")])
def test_a_run_from_another_folder_is_the_same_run(here: Path, which: str) -> None:
    small = small_runs()
    run_id = getattr(small, which)
    before = runs.get_run(run_id, small.runs_dir)
    imported = importing.import_run(small.folder(run_id))
    run = imported.run
    assert imported.left_out == ()
    assert (run.id, run.folder) == (run_id, here / run_id)
    assert {n: v for n, v in vars(run).items() if n not in OWN} == {
        n: v for n, v in vars(before).items() if n not in OWN
    }
    assert {n: v for n, v in run.facts.items() if n != "imported"} == before.facts
    assert (run.attention is None) == (before.attention is None)
    assert run.attention in (None, str(run.folder / "attention.json"))
    assert _numbers(run) == _numbers(before)
    assert [e.message for e in runs.events(run_id)] == [
        f"Imported from {small.folder(run_id)}.",
        *(e.message for e in runs.events(run_id, runs_dir=small.runs_dir)),
    ]
    assert results_of(run) == results_of(before)
    assert pictures_of(run) == pictures_of(before)
    origin = imported_from(run)
    assert origin is not None
    assert origin[0] == str(small.folder(run_id))
    for name in ("best.safetensors", "last.ckpt", "config.json", "metrics.jsonl"):
        assert (run.folder / name).read_bytes() == (small.folder(run_id) / name).read_bytes()
    assert imported_from(before) is None, "the folder that was given is left as it is"


def _numbers(run: RunRecord) -> dict[str, Any]:
    found = runs.curves(run.id, runs_dir=run.folder.parent, max_points=10_000)
    return {
        name: (s.steps.tolist(), s.epochs.tolist(), s.values.tolist()) for name, s in found.items()
    }


def test_the_same_folder_twice_is_two_runs(here: Path, sent: Path) -> None:
    first = importing.import_run(sent).run
    second = importing.import_run(sent).run
    third = importing.import_run(sent, "  mine ").run
    assert first.id == sent.name
    assert len({first.id, second.id, third.id}) == 3
    assert [run.name for run in (second, third)] == [f"{first.name} 2", "mine"]
    assert _numbers(first) == _numbers(second) == _numbers(third)
    assert (first.folder / "best.safetensors").is_file()


@pytest.mark.parametrize(
    "name", ["attention", "é" * 80, *map(slow, ["locks", "store.sqlite", "Copy of <b>"])]
)
def test_a_folder_of_any_name_gets_an_id_of_its_own(here: Path, sent: Path, name: str) -> None:
    run = importing.import_run(sent.rename(sent.with_name(name))).run
    assert run.id.startswith("delta-")
    assert run.folder.parent == here


@pytest.mark.parametrize("status", [slow("running"), "queued"])
def test_a_run_that_had_not_ended_is_interrupted(here: Path, sent: Path, status: str) -> None:
    def unfinished(content: dict[str, Any]) -> None:
        content.update(status=status, finished_at=None)
        if status == "queued":
            content.update(started_at=None, resumed_at=None)

    changed(sent / "run.json", unfinished)
    (sent / "result.json").unlink()
    run = importing.import_run(sent).run
    assert run.status is RunStatus.INTERRUPTED
    kept = read_run_file(run.folder / "run.json")
    assert kept is not None
    assert kept.status is RunStatus.INTERRUPTED, "or a repair would queue it"
    assert not runs.queue(runs.list_runs())


@pytest.mark.slow
def test_how_a_run_failed_comes_with_it(here: Path, sent: Path) -> None:
    said = {"message": "It broke <b>.", "cure": "Mend it.", "log": "last words"}
    changed(sent / "run.json", lambda c: c.update(status="failed", error=said))
    run = importing.import_run(sent).run
    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert (run.error.message, run.error.cure, run.error.log_tail) == tuple(said.values())


@pytest.mark.slow
def test_a_run_of_an_older_version_is_told_by_its_other_files(here: Path, sent: Path) -> None:
    (sent / "run.json").unlink()
    run = importing.import_run(sent).run
    assert run.status is RunStatus.COMPLETED
    assert run.test_top1 is not None


@pytest.mark.slow
def test_what_a_run_json_says_against_its_settings_does_not_count(here: Path, sent: Path) -> None:
    lies = {"method": "l2", "method_label": "<script>", "color": "#000000", "backbone": "../x"}
    changed(sent / "run.json", lambda c: c.update(lies))
    run = importing.import_run(sent).run
    assert (run.method, run.method_label, run.backbone) == ("delta", "DELTA", "shufflenet_v2_x0_5")


# Broken off


def test_one_at_a_time(here: Path, sent: Path) -> None:
    runs.list_runs()
    lock = whole_store_lock(here)
    assert lock.acquire()
    try:
        with pytest.raises(StoreError, match="another process"):
            importing.import_run(sent)
    finally:
        lock.release()
    importing.import_run(sent)


def test_a_disk_that_is_full_leaves_nothing(
    here: Path, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.list_runs()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("delta_app.runs.foreign_folder.os.fsync", full)
    with pytest.raises(StoreError, match="No space left") as caught:
        importing.import_run(sent)
    assert "Make room" in caught.value.cure
    assert [path.name for path in here.iterdir() if path.is_dir()] == ["locks"]


def test_a_store_that_takes_no_row_leaves_no_folder(
    here: Path, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(here)

    def locked(*arguments: Any) -> None:
        raise StoreError("The run store is locked.")

    monkeypatch.setattr(importing, "agree_with_folder", locked)
    with pytest.raises(StoreError, match="locked"):
        importing.import_run(sent)
    monkeypatch.undo()
    assert not store.runs()
    assert not run_folders(here)


KILLED = """
import os, signal, sys
from delta_app.services import importing

def die(*arguments, **named):
    os.kill(os.getpid(), signal.SIGKILL)

where, source = sys.argv[1:]
module, _, name = where.rpartition(":")
setattr(__import__(module, fromlist=["x"]), name, die)
importing.import_run(source)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "where",
    [
        "delta_app.services.importing:leave_out_unsound",
        "delta_app.services.importing:keep_run",
        "delta_app.services.importing:_adopt",
        "delta_app.services.importing:agree_with_folder",
    ],
)
def test_killed_in_the_middle(here: Path, sent: Path, where: str) -> None:
    runs.list_runs()
    changed(sent / "run.json", lambda c: c.update(status="queued"))
    process = subprocess.run(
        [sys.executable, "-c", KILLED, where, str(sent)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
        timeout=120,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL
    entered = where.endswith(("_adopt", "agree_with_folder"))
    assert bool(list(here.glob(f"{PREFIX}*"))) is True
    assert len(run_folders(here)) == entered
    report = repair(here)
    assert len(report.runs) == entered
    assert not report.left
    assert [run.status for run in runs.list_runs()] == [RunStatus.INTERRUPTED] * entered
    again = importing.import_run(sent).run
    assert (again.id == sent.name) is not entered
    assert not list(here.glob(f"{PREFIX}*"))
    assert len(runs.list_runs()) == 1 + entered


@pytest.mark.slow
def test_an_imported_run_goes_on_where_it_may_be_read(here: Path, tmp_path: Path) -> None:
    small: SmallRuns = copied(tmp_path / "received")
    imported = importing.import_run(small.folder(small.l2)).run
    run = resuming.resume_here(imported.id, runs.Shutdown(), epochs=1)
    assert run.status is RunStatus.COMPLETED
    assert (run.epochs, imported_from(run)) == (3, imported_from(imported))

"""Run folders from elsewhere: taken over whole, or refused with words; nothing in them runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from small_runs import SmallRuns, copied, small_runs

from benchmarks.damage.weights import malicious
from delta_app.errors import DeltaAppError, OutsideError, RunError, StoreError
from delta_app.runs.folder import run_folders
from delta_app.runs.locks import whole_store_lock
from delta_app.runs.opened import opened
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runs.repair import repair
from delta_app.runs.run_file import read_run_file
from delta_app.services import going_on, imported_files, importing, resuming, runs
from delta_app.services.importing import PREFIX, Imported, imported_from
from delta_app.services.looked_at import from_split
from delta_app.services.run_pictures import pictures_of
from delta_app.services.shown_attention import shown_attention
from delta_app.services.split_results import results_of

OWN = {"id", "folder", "attention", "facts", "phase_at"}
"""What of a record says where it lies, or what it was just doing."""


def slow(*values: Any) -> Any:
    """One case of several: the others are enough where time is short."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The runs folder of this machine, empty."""
    monkeypatch.setenv("DELTA_RUNS_DIR", str(tmp_path / "here"))
    monkeypatch.setenv("DELTA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "here"


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    """A DELTA run's folder as somebody sent it, free to be changed; what is large was left out."""
    small = small_runs()
    large = ("last.ckpt", "snapshot.safetensors")
    return shutil.copytree(
        small.folder(small.delta),
        tmp_path / "received" / small.delta,
        ignore=shutil.ignore_patterns("*.lock", *large),
    )


def changed(file: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def refused(folder: Path, here: Path) -> DeltaAppError:
    """It does not enter, and leaves nothing behind."""
    before = len(runs.list_runs())
    with pytest.raises(RunError) as caught:
        importing.import_run(folder)
    assert caught.value.cure
    assert caught.value.field == "folder"
    assert str(folder) in caught.value.message
    assert "\n" not in str(caught.value)
    assert PREFIX not in str(caught.value)
    assert len(runs.list_runs()) == before == len(run_folders(here))
    assert not list(here.glob(f"{PREFIX}*"))
    return caught.value


def left_out(imported: Imported) -> dict[str, str]:
    return {each.name: each.why for each in imported.left_out}


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


# What does not enter


def test_what_is_no_runs_folder(here: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "gone", tmp_path / "file", tmp_path, small_runs().runs_dir):
        refused(folder, here)
    (tmp_path / "half").mkdir()
    config = small_runs().folder(small_runs().l2) / "config.json"
    shutil.copy(config, tmp_path / "half")
    assert "nothing ran in it" in refused(tmp_path / "half", here).message


BAD_NEEDED: dict[str, Callable[[Path], object]] = {
    "no JSON": lambda f: (f / "config.json").write_text("{"),
    "a setting that is none": lambda f: changed(
        f / "config.json", lambda c: c["optimization"].update(lr="fast")
    ),
    "another method": lambda f: changed(f / "config.json", lambda c: c["method"].update(method=7)),
    "a config too large": lambda f: (f / "config.json").write_text(" " * 1_000_001),
    "a row that is none": lambda f: changed(f / "run.json", lambda c: c.update(status="done")),
    "settings in the row": lambda f: changed(
        f / "run.json", lambda c: c["config"].update(data=None)
    ),
    "a path of NUL": lambda f: changed(
        f / "run.json", lambda c: c["config"]["method"].update(attention="a\0b")
    ),
    "a huge step": lambda f: changed(f / "run.json", lambda c: c.update(step=10**400)),
    "a huge fact": lambda f: changed(
        f / "run.json", lambda c: c["facts"].update(steps_per_epoch=10**400)
    ),
    "a share above one": lambda f: changed(f / "run.json", lambda c: c.update(test_top1=1e308)),
    "a time in the far future": lambda f: changed(
        f / "run.json", lambda c: c.update(created_at=1e300)
    ),
    "a journal of something else": lambda f: (f / "metrics.jsonl").write_text("[1, 2]\n"),
    "a journal of huge steps": lambda f: (f / "metrics.jsonl").write_text('[1e300,1,{"a":1}]\n'),
    "a journal without a place": lambda f: (f / "metrics.jsonl").write_text(
        '[Infinity,1,{"a":1}]\n'
    ),
    "a metric of a long name": lambda f: (f / "metrics.jsonl").write_text(
        f'[1,1,{{"{"a" * 201}":1}}]\n'
    ),
    "a linked config": lambda f: _linked(f / "config.json"),
    "a linked log": lambda f: _linked(f / "log.txt"),
    "a pipe for a journal": lambda f: _pipe(f / "metrics.jsonl"),
    "a folder for a journal": lambda f: _folder(f / "metrics.jsonl"),
}


def _linked(file: Path) -> None:
    file.rename(file.parents[1] / "elsewhere")
    file.symlink_to(file.parents[1] / "elsewhere")


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


QUICK = ("a row that is none", "a huge fact", "a journal of huge steps", "a linked config")


@pytest.mark.parametrize("how", [how if how in QUICK else slow(how) for how in BAD_NEEDED])
def test_what_a_row_is_made_of_must_be_sound(here: Path, sent: Path, how: str) -> None:
    BAD_NEEDED[how](sent)
    refused(sent, here)


def test_a_journal_of_a_billion_lines_is_not_read(here: Path, sent: Path) -> None:
    with (sent / "metrics.jsonl").open("r+b") as file:
        file.truncate(9_000_000_000)  # as large, and takes no room on the disk
    said = refused(sent, here).message
    assert "metrics.jsonl has 9.0 GB, at most 128 MB are taken" in said


@pytest.mark.parametrize(
    ("limit", "said"),
    [("MOST_LINES", "lines"), slow("MOST_NUMBERS", "numbers"), slow("MOST_METRICS", "names")],
)
def test_lines_numbers_and_names_of_a_journal_are_bounded(
    here: Path, sent: Path, monkeypatch: pytest.MonkeyPatch, limit: str, said: str
) -> None:
    lines = [f'[{n},1.0,{{"m{n}":0.5}}]\n' for n in range(20)]
    (sent / "metrics.jsonl").write_text("".join(lines))
    monkeypatch.setattr(imported_files, limit, 10)
    assert said in refused(sent, here).message


# What is left out


OPTIONAL = (
    *("model.json", "split.json", "predictions.json", "result.json", "attention.json"),
    *("head.safetensors", "by_picture.safetensors", "best.safetensors", "snapshot.safetensors"),
    *("last.ckpt", "measuring.ckpt", "faithfulness.json"),
)


def test_a_pickle_in_every_place_is_left_out_and_does_not_run(
    here: Path, sent: Path, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    files = malicious(canary, {"fc.weight": torch.zeros(3, 1024), "fc.bias": torch.zeros(3)})
    for kind in ("os.system.pth", "os.system.safetensors", "exec legacy.pth", "runpy alone.pt"):
        for name in OPTIONAL:
            (sent / name).write_bytes(files[kind])
        imported = importing.import_run(sent)
        assert set(left_out(imported)) == set(OPTIONAL)
        assert not {path.name for path in imported.run.folder.iterdir()} & set(OPTIONAL)
        assert not canary.exists()
        said = [event.message for event in runs.events(imported.run.id)]
        assert all(any(e.startswith(f"Left out: {name}") for e in said) for name in OPTIONAL)


@pytest.mark.parametrize("name", ["run.json", *map(slow, ["config.json", "metrics.jsonl"])])
def test_a_pickle_for_what_is_needed_is_refused_and_does_not_run(
    here: Path, sent: Path, tmp_path: Path, name: str
) -> None:
    canary = tmp_path / "canary"
    files = malicious(canary, {"w": torch.zeros(3)})
    for kind in ("os.system.pth", "exec legacy.pth", "runpy alone.pt"):
        (sent / name).write_bytes(files[kind])
        refused(sent, here)
    assert not canary.exists()


def test_links_pipes_and_what_a_run_does_not_have_are_left_out(
    here: Path, sent: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root:x:0:0")
    for name in ("best.safetensors", "predictions.json"):
        (sent / name).unlink()
        (sent / name).symlink_to(secret)
    os.mkfifo(sent / "last.ckpt")
    (sent / "run_me.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')")
    (sent / "more").mkdir()
    imported = importing.import_run(sent)
    assert left_out(imported) == {
        "best.safetensors": "is a symbolic link, which is not followed",
        "predictions.json": "is a symbolic link, which is not followed",
        "last.ckpt": "is no regular file",
        "more, run_me.py": "is not of a run's folder",
    }
    for path in imported.run.folder.iterdir():
        assert path.is_file()
        assert not path.is_symlink()
        assert b"root:x" not in path.read_bytes()


WAYS_OUT = ("../../../etc/passwd", "red/../../../etc/passwd", "/etc/passwd", "..\\..\\secret.png")


@pytest.mark.parametrize("way", [WAYS_OUT[0], *map(slow, WAYS_OUT[1:])])
def test_a_name_that_leaves_the_datasets_folder_is_refused(
    here: Path, sent: Path, way: str
) -> None:
    changed(sent / "predictions.json", lambda c: c["test"]["pictures"][0].update(relative=way))
    imported = importing.import_run(sent)
    assert "predictions.json" in left_out(imported)
    assert results_of(imported.run) is None

    def leave(content: dict[str, Any]) -> None:
        data = content["test"][0]["path"].removesuffix(content["test"][0]["relative"])
        content["test"][0].update(relative=way, path=f"{data}{way}")

    changed(sent / "split.json", leave)
    imported = importing.import_run(sent)
    assert {"split.json", "predictions.json"} <= set(left_out(imported))
    # Nor where it is written into the folder afterwards.
    shutil.copy(sent / "split.json", imported.run.folder)
    with pytest.raises(RunError, match="is not the place of"):
        pictures_of(imported.run)


# Paths in it


@pytest.fixture
def outside(here: Path, sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only root; each path that the sent folder names leads to a file outside it."""
    home, secret = tmp_path / "home", tmp_path / "secret.png"
    home.mkdir()
    secret.write_text("root:x:0:0")
    monkeypatch.setenv("DELTA_ROOTS", str(home))

    def lead_out(content: dict[str, Any]) -> None:
        for split in ("train", "val", "test"):
            for picture in content[split]:
                picture.update(path=str(secret), relative=secret.name)

    changed(sent / "split.json", lead_out)
    (sent / "predictions.json").unlink()
    for file, inside in (("config.json", None), ("run.json", "config")):
        changed(
            sent / file,
            lambda c, inside=inside: _lead_out(c if inside is None else c[inside], secret),
        )
    changed(sent / "model.json", lambda c: c.update(weights=str(secret)))
    return secret


def _lead_out(config: dict[str, Any], secret: Path) -> None:
    config["data"]["data"] = str(secret.parent)
    config["model"]["weights"] = str(secret)
    config["method"]["attention"] = str(secret)


def test_no_path_in_it_is_opened_by_the_import(
    sent: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched: list[str] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event in ("open", "os.listdir", "os.scandir"):
            touched.append(str(arguments[0]))

    watching = [True]
    sys.addaudithook(hook)
    try:
        run = importing.import_run(sent).run
    finally:
        watching.clear()
    assert any("config.json" in path for path in touched)
    assert not [path for path in touched if path == str(outside)]
    assert str(outside.parent) not in touched
    assert run.config["model"]["weights"] == str(outside)


@pytest.mark.parametrize("status", ["paused", *map(slow, ["failed", "interrupted"])])
def test_it_is_not_taken_up_here(sent: Path, outside: Path, status: str) -> None:
    changed(sent / "run.json", lambda c: c.update(status=status))
    (sent / "result.json").unlink()
    run = importing.import_run(sent).run
    asked = [resuming.resume] if status == "failed" else [resuming.resume, runs.request_stop]
    for ask in asked:
        with pytest.raises(OutsideError, match="outside the folders") as caught:
            ask(run.id)
        assert "--root" in caught.value.cure
    assert runs.get_run(run.id).status == status
    with pytest.raises(OutsideError, match="was imported") as caught:
        resuming.resume_here(run.id, runs.Shutdown())
    assert "DELTA_ROOTS" in caught.value.cure
    assert runs.get_run(run.id).status == status


@pytest.mark.slow
def test_it_is_neither_continued_nor_measured_here(sent: Path, outside: Path) -> None:
    shutil.copy(small_runs().folder(sent.name) / "last.ckpt", sent)
    run = importing.import_run(sent).run
    for ask in (lambda: resuming.continue_for(run.id, 1), lambda: runs.submit_attention_of(run.id)):
        with pytest.raises(OutsideError, match="outside the folders"):
            ask()
    assert [each.id for each in runs.list_runs()] == [run.id]


def test_its_pictures_are_not_shown(sent: Path, outside: Path) -> None:
    run = importing.import_run(sent).run
    for picture in pictures_of(run).pictures:
        with pytest.raises(OutsideError, match="outside the folders"):
            from_split(picture).read()
    assert shown_attention(run) is not None, "its own file, in its own folder"


def test_pictures_outside_are_told_although_the_settings_lead_inside(
    here: Path, sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings that may be read do not vouch for what split.json names."""
    small = small_runs()
    monkeypatch.setenv("DELTA_ROOTS", str(small.data))
    run = importing.import_run(sent).run
    going_on.check_may_go_on(run)
    changed(
        run.folder / "split.json",
        lambda c: c["val"][0].update(path=f"/etc/{c['val'][0]['relative']}"),
    )
    with pytest.raises(OutsideError, match="/etc/"):
        going_on.check_may_go_on(run)
    with pytest.raises(OutsideError, match="/etc/"):
        runs.submit_attention_of(run.id)


@pytest.mark.slow
def test_a_picture_that_is_a_link_does_not_vouch_for_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: Path, sent: Path
) -> None:
    home = tmp_path / "home"
    (home / "red").mkdir(parents=True)
    (home / "red" / "0.png").symlink_to("/etc/passwd")
    monkeypatch.setenv("DELTA_ROOTS", str(home))

    def lead(content: dict[str, Any]) -> None:
        for split in ("train", "val", "test"):
            for n, picture in enumerate(content[split]):
                name = "red/0.png" if (split, n) == ("test", 0) else "red/1.png"
                picture.update(path=str(home / name), relative=name)

    changed(sent / "split.json", lead)
    (sent / "predictions.json").unlink()
    run = importing.import_run(sent).run
    with pytest.raises(OutsideError, match="leads to /etc/passwd"):
        going_on.check_kept_pictures(run.folder)


@pytest.mark.slow
def test_a_form_leads_only_to_what_may_be_read(here: Path, sent: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "link").symlink_to(sent)
    patch = pytest.MonkeyPatch()
    patch.setenv("DELTA_ROOTS", str(home))
    try:
        for path in (sent, home / "link", home / ".." / "received" / sent.name):
            with pytest.raises(OutsideError) as caught:
                importing.import_in_app(str(path))
            assert caught.value.field == "folder"
        assert not runs.list_runs()
        inside = shutil.move(sent, home / sent.name)
        assert importing.import_in_app(f' "{inside}" ').run.id == sent.name
    finally:
        patch.undo()


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

"""Of a damaged or malicious run folder nothing enters, or without what is damaged."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from received_runs import changed, left_out, refused, slow
from small_runs import small_runs

from benchmarks.damage.weights import malicious
from delta_app.errors import RunError
from delta_app.services import imported_files, importing, runs
from delta_app.services.run_pictures import pictures_of
from delta_app.services.split_results import results_of


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

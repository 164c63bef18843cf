"""Checks are kept until something changes; previews, samples and browsing for pages."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from delta_app.config import DataSettings
from delta_app.data.check import check_folder
from delta_app.data.records import DatasetCheck
from delta_app.errors import Cancelled, OutsideError
from delta_app.services import datasets, kept_checks
from delta_app.services.datasets import CheckInBackground, check, checked_before


def draw(path: Path, seed: int, size: tuple[int, int] = (30, 20)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "animals"
    for label, name in enumerate(("cats", "dogs", "eels")):
        for i in range(5):
            draw(folder / name / f"{i}.png", 10 * label + i)
    return folder


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Folders that were really checked; a kept check is looked at anew each time."""
    done: list[str] = []

    def counted(root: str | Path, **options: object) -> DatasetCheck:
        done.append(str(root))
        return check_folder(root, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(kept_checks, "check_folder", counted)
    monkeypatch.setattr(kept_checks, "_trusted", lambda _seconds: 0.0)
    return done


def test_second_check_costs_nothing(root: Path, checks: list[str]) -> None:
    assert checked_before(root) is None
    first = check(root)
    assert check(f' "{root}/" ') is first
    assert checked_before(root) is first
    assert len(checks) == 1


def change_added(root: Path) -> None:
    draw(root / "cats" / "new.png", 99)


def change_removed(root: Path) -> None:
    (root / "cats" / "0.png").unlink()


def change_content_under_the_old_date(root: Path) -> None:
    path = root / "cats" / "0.png"
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    time.sleep(0.02)  # beyond the clock's grain
    path.write_bytes(bytes(data))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def change_renamed(root: Path) -> None:
    (root / "cats").rename(root / "lions")


@pytest.mark.parametrize(
    "change",
    [change_added, change_removed, change_content_under_the_old_date, change_renamed],
)
def test_any_change_is_noticed(
    root: Path, checks: list[str], change: Callable[[Path], None]
) -> None:
    first = check(root)
    change(root)
    assert checked_before(root) is None
    assert check(root).fingerprint != first.fingerprint
    assert len(checks) == 2


def test_bad_folder_is_looked_at_again(tmp_path: Path, checks: list[str]) -> None:
    folder = tmp_path / "late"
    assert not check(folder).usable
    for name in "ab":
        for i in range(3):
            draw(folder / name / f"{i}.png", ord(name) + 7 * i)
    assert check(folder).usable


def test_only_a_few_checks_are_kept(tmp_path: Path, checks: list[str]) -> None:
    folders = [tmp_path / str(i) for i in range(kept_checks._CHECKS_KEPT + 1)]
    for folder in folders:
        folder.mkdir()
        check(folder)
    assert checked_before(folders[0]) is None
    assert checked_before(folders[-1]) is not None


def test_check_in_background(root: Path) -> None:
    work = CheckInBackground(root)
    assert work.wait(20)
    assert work.error is None
    assert work.result is not None
    assert work.result.n_pictures == 15
    assert work.progress == (15, 15)
    again = CheckInBackground(root)
    assert again.wait(20)
    assert again.result is work.result


def test_check_in_background_is_cancelled(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow(root: str | Path, *, on_progress: Callable[[int, int], None], **options: object):  # type: ignore[no-untyped-def]
        started.set()
        go_on.wait(10)
        return check_folder(root, on_progress=on_progress, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(kept_checks, "check_folder", slow)
    work = CheckInBackground(root)
    assert started.wait(10)
    assert not work.finished
    work.cancel()
    go_on.set()
    assert work.wait(20)
    assert work.cancelled
    assert (work.result, work.error) == (None, None)


def test_a_check_that_has_only_looked_at_the_names_yet_ends_too(
    root: Path, checks: list[str]
) -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) == 3  # at the second of the folders in it

    with pytest.raises(Cancelled):
        check(root, cancelled=cancelled)
    assert checks == []


def test_preview_is_what_a_run_would_have(root: Path) -> None:
    splits = datasets.preview(check(root), DataSettings(data=str(root), val_fraction=0))
    assert splits.counts() == {"train": [4, 4, 4], "val": [0, 0, 0], "test": [1, 1, 1]}


def test_a_preview_is_cut_once_for_one_check_and_one_set_of_shares(root: Path) -> None:
    found, settings = check(root), DataSettings(data=str(root), val_fraction=0)
    splits = datasets.preview(found, settings)
    same = DataSettings(data=str(root), val_fraction=0)
    assert datasets.preview(found, same) is splits
    other = datasets.preview(found, DataSettings(data=str(root), test_fraction=0))
    assert other.counts()["test"] == [0, 0, 0]
    draw(root / "cats" / "one more.png", 99)
    again = datasets.preview(check_folder(root), settings)
    assert sum(map(sum, again.counts().values())) == 16
    for fraction in range(1, 9):
        datasets.preview(found, DataSettings(data=str(root), val_fraction=fraction / 20))
    assert len(datasets._previews) == 4


def test_samples_show_every_class_first(root: Path) -> None:
    found = check(root)
    shown = datasets.samples(found, 6, side=16)
    assert [sample.class_name for sample in shown] == ["cats"] * 2 + ["dogs"] * 2 + ["eels"] * 2
    assert all(max(sample.image.size) == 16 for sample in shown)
    assert shown[0].image.size == (16, 11)  # 30 x 20: its aspect is kept
    assert [s.picture for s in datasets.samples(found, 6, side=16)] == [s.picture for s in shown]
    assert len({s.class_name for s in datasets.samples(found, 2)}) == 2
    assert len(datasets.samples(found, 100)) == 15


def test_sample_that_is_gone_is_passed_over(root: Path) -> None:
    found = check(root)
    gone = datasets.samples(found, 15, side=17)[0].picture
    datasets._small.cache_clear()
    Path(gone.path).unlink()
    assert len(datasets.samples(found, 15, side=17)) == 14


def test_browse(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTA_ROOTS", f"{tmp_path}{os.pathsep}{root}")
    top = datasets.browse()
    assert (top.folder, top.parent, top.pictures) == (tmp_path, None, 0)
    assert [(e.name, e.pictures) for e in top.folders] == [("animals", 15)]
    inner = datasets.browse(root / "cats")
    assert (inner.parent, inner.folders, inner.pictures) == (root, (), 5)
    with pytest.raises(OutsideError, match="outside"):
        datasets.browse("/")


def test_browsing_starts_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DELTA_ROOTS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    found = datasets.browse()
    assert (found.folder, found.roots) == (tmp_path, (tmp_path,))

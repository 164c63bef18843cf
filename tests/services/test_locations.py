"""Where runs go, and the folders used last."""

from __future__ import annotations

from pathlib import Path

import pytest

from delta_app.errors import StoreError
from delta_app.services.locations import (
    RECENT_FOLDERS,
    recent_folders,
    recent_folders_file,
    remember_folder,
    runs_dir,
    user_data_dir,
)


@pytest.fixture(autouse=True)
def _own_data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *_, **__: str(tmp_path / "home/app"))
    monkeypatch.delenv("DELTA_RUNS_DIR", raising=False)


def test_explicit_before_environment_before_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runs_dir(None) == user_data_dir() / "runs"
    monkeypatch.setenv("DELTA_RUNS_DIR", str(tmp_path / "by_environment"))
    assert runs_dir() == tmp_path / "by_environment"
    assert runs_dir(tmp_path / "explicit" / "deep") == tmp_path / "explicit" / "deep"
    for made in ("by_environment", "explicit/deep", "home/app/runs"):
        assert (tmp_path / made).is_dir()


def test_relative_and_home_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert runs_dir("runs") == tmp_path / "runs"
    assert runs_dir("~/runs") == tmp_path / "me" / "runs"


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be made") as raised:
        runs_dir(tmp_path / "file" / "runs")
    assert "--runs-dir" in raised.value.cure


def test_recent_folders_newest_first_without_repeats_or_the_gone(tmp_path: Path) -> None:
    assert recent_folders() == ()
    folders = [tmp_path / f"d{i}" for i in range(RECENT_FOLDERS + 2)]
    for folder in folders:
        folder.mkdir()
        remember_folder(folder)
    assert list(recent_folders()) == folders[:1:-1]
    remember_folder(folders[5])
    assert recent_folders()[0] == folders[5]
    assert len(recent_folders()) == RECENT_FOLDERS
    folders[5].rmdir()
    assert folders[5] not in recent_folders()


@pytest.mark.parametrize("content", ["", "{", "{}", '["/nowhere", 3, null]', "7"])
def test_broken_file_is_as_none(content: str, tmp_path: Path) -> None:
    recent_folders_file().parent.mkdir(parents=True)
    recent_folders_file().write_text(content)
    assert recent_folders() == ()
    remember_folder(tmp_path)
    assert recent_folders() == (tmp_path,)


def test_data_dir_that_cannot_be_written_to_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("x")
    remember_folder(tmp_path)
    assert recent_folders() == ()

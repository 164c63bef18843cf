"""`runs import` in words and in JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_runs import small_runs


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    """An L2 run's folder as somebody sent it; what is large was left out."""
    small = small_runs()
    large = ("*.lock", "last.ckpt", "*.safetensors")
    return shutil.copytree(
        small.folder(small.l2), tmp_path / small.l2, ignore=shutil.ignore_patterns(*large)
    )


@pytest.mark.slow
def test_a_folder_is_imported_and_what_was_left_out_is_said(
    say: Callable[..., Any], sent: Path, tmp_path: Path
) -> None:
    (sent / "evil.sh").write_text("true")
    (sent / "last.ckpt").symlink_to("/etc/passwd")
    where = ("--runs-dir", tmp_path / "here")
    said = say("runs", "import", sent, "--json", *where)
    assert said.code == 0, said.err
    assert "copying config.json" in said.err
    run = said.last_json
    assert (run["run"], run["status"]) == (sent.name, "completed")
    assert run["imported"]["from"] == str(sent)
    assert run["left_out"] == [
        {"file": "last.ckpt", "why": "is a symbolic link, which is not followed"},
        {"file": "evil.sh", "why": "is not of a run's folder"},
    ]
    said = say("runs", "import", sent, "--name", "theirs", *where)
    assert said.out.splitlines()[0].endswith(" (theirs): imported, completed")
    assert "Left out: evil.sh is not of a run's folder." in said.out
    listed = say("runs", "list", "--json", *where).last_json["runs"]
    assert [each["name"] for each in listed] == ["theirs", run["name"]]
    assert f"Imported from {sent}." in say("runs", "show", "theirs", *where).out


def test_what_does_not_enter_is_one_line(
    say: Callable[..., Any], sent: Path, tmp_path: Path
) -> None:
    where = ("--runs-dir", tmp_path / "here")
    (sent / "run.json").write_text("{}")
    for folder in (sent, tmp_path / "gone\n\x1b[2J"):
        said = say("runs", "import", folder, *where)
        assert (said.code, said.out) == (1, "")
        (line,) = [each for each in said.err.splitlines() if not each.startswith("copying")]
        assert line.startswith("error: ")
        assert "\x1b" not in line
    assert say("runs", "list", "--json", *where).last_json == {"runs": []}


@pytest.mark.slow
def test_one_that_was_imported_goes_on_only_where_it_may_read(
    say: Callable[..., Any], sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = json.loads((sent / "run.json").read_text())
    (sent / "run.json").write_text(json.dumps(row | {"status": "paused"}))
    where = ("--runs-dir", tmp_path / "here")
    run = say("runs", "import", sent, "--json", *where).last_json["run"]
    monkeypatch.setenv("DELTA_ROOTS", str(tmp_path))
    for action in ("resume", "stop"):
        said = say("runs", action, run, *where)
        assert said.code == 1
        assert "was imported, and" in said.err
        assert "DELTA_ROOTS" in said.err
    assert say("runs", "show", run, "--json", *where).last_json["status"] == "paused"

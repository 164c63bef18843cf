"""A run's folder as somebody sent it: what tests of importing do with one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from delta_app.errors import DeltaAppError, RunError
from delta_app.runs.folder import run_folders
from delta_app.services import importing, runs
from delta_app.services.importing import PREFIX, Imported


def slow(*values: Any) -> Any:
    """One case of several: the others are enough where time is short."""
    return pytest.param(*values, marks=pytest.mark.slow)


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

"""The ways of what a run goes on from: its checkpoint, and the journal of its numbers."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.damage.sound import Place
from delta_app.errors import DeltaAppError
from delta_app.runs.control import Shutdown
from delta_app.runs.repair import repair
from delta_app.services import resuming
from delta_app.services import runs as run_services


class Broken(Exception):
    """A run that failed by an error which none of the app's own is."""


def file_to_go_on_from(file: Path, place: Place) -> list[str]:
    """Put in the place of a run's own: continued for an epoch, and the store made anew from it.

    Raises:
        Broken: the run ended by an error that does not say what is wrong.
    """
    with tempfile.TemporaryDirectory(prefix="going-on-") as folder:
        copy = place.copied(Path(folder) / "runs")
        os.symlink(place.runs_dir.parent / "shapes", copy.runs_dir.parent / "shapes")
        shutil.copyfile(file, copy.folder / file.name)
        said = _refusals(lambda: _continued(copy))
        copy.store.unlink()
        said += _refusals(lambda: repair(copy.runs_dir))
        said += _refusals(lambda: run_services.curves(copy.run_id, runs_dir=copy.runs_dir))
        return said


def _continued(place: Place) -> None:
    run = resuming.resume_here(place.run_id, Shutdown(), place.runs_dir, epochs=1)
    if run.error is None:
        return
    if "mistake of Delta App" in run.error.cure:
        raise Broken(run.error.log_tail)
    raise DeltaAppError(run.error.message, cure=run.error.cure)


def _refusals(door: Callable[[], Any]) -> list[str]:
    try:
        door()
    except DeltaAppError as error:
        return [str(error)]
    return []

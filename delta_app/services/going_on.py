"""Whether a run may be taken up again: all that it would read, judged before it is queued.

A run that goes on opens the pictures that its own split.json names, which nobody has looked at in
this app: it may have been made on the command line, or come from somebody else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from delta_app.data.records import SPLITS, Splits
from delta_app.data.roots import Roots
from delta_app.errors import OutsideError
from delta_app.json_files import read_json
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import RunRecord
from delta_app.services import allowed
from delta_app.services.forms import config_of_run
from delta_app.services.importing import imported_from


def check_may_go_on(run: RunRecord) -> None:
    """Whether the app may read all that this run reads when it goes on.

    Raises:
        OutsideError: not; the cure names the option.
    """
    config = config_of_run(run)
    if config is not None:  # else it ends at once, and says why
        allowed.check_config(config, run.folder.parent)
    check_kept_pictures(run.folder, run.folder.parent)


def check_on_command_line(run: RunRecord) -> None:
    """The same where it was asked for in a terminal, of a run that was imported.

    What the others read was once typed in a terminal, or chosen in the app.

    Raises:
        OutsideError: not; the cure names the variable.
    """
    if imported_from(run) is None:
        return
    try:
        check_may_go_on(run)
    except OutsideError as error:
        raise OutsideError(
            f"{run.name} ({run.id}) was imported, and {error.message}",
            cure=f"Name the folders it may read in {allowed.VARIABLE}, or train anew with `train "
            "--config` and your own --data.",
            field=error.field,
        ) from error


def check_kept_pictures(run_folder: Path, runs_dir: Path | None = None) -> None:
    """Whether the app may read the pictures that a run's split.json names.

    Where it names none, or cannot be read, nothing is opened because of it.

    Raises:
        OutsideError: not; it names the first that lies outside.
    """
    try:
        splits = Splits.from_json(read_json(RunFolder(run_folder).split))
    except (OSError, ValueError):
        return
    _check(allowed.roots(runs_dir), (p.path for name in SPLITS for p in splits.of(name)))


def _check(roots: Roots, paths: Iterable[str]) -> None:
    """As `roots.check` for each; a folder is looked at once, however many pictures are in it."""
    inside: set[str] = set()
    for path in paths:
        if os.path.islink(path):
            roots.check(path)
            continue
        folder = os.path.dirname(path)
        if folder not in inside:
            roots.check(path)
            inside.add(folder)

"""Where a run's attention comes from: its own measurement, an earlier one of the same, a file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from delta_app.errors import DeltaAppError
from delta_app.runs.records import RunRecord
from delta_app.services.measured_attention import measurement, measurements
from delta_app.services.shown_attention import wanted_attention


@dataclass(frozen=True)
class Origin:
    """Where an attention comes from.

    Attributes:
        kind: measured by the run itself, by `run` before it, or read from a file.
        run: whose measurement it is, where it is of one in this runs folder.
        file: what the settings name; empty where nothing is read from a file.
    """

    kind: Literal["own", "reused", "file"]
    run: RunRecord | None = None
    file: str = ""


def origin_of(run: RunRecord, runs_dir: str | Path | None = None) -> Origin | None:
    """The origin of a run's attention; None where it has none, or none is measured yet.

    Raises:
        AttentionError: its file cannot be read.
    """
    kind = wanted_attention(run)
    if kind in (None, "uniform"):
        return None
    if kind == "given":
        file = str(run.config["method"]["attention"])
        folder = Path(os.path.realpath(os.path.expanduser(file))).parent
        known = measurements(runs_dir)
        return Origin("file", next((r for r in known if r.folder.resolve() == folder), None), file)
    own = measurement(run)
    if own is None:
        return None
    if not own.found.key:  # stopped before its end: nobody reuses a part
        return Origin("own", run)
    before = [other for other in measurements(runs_dir) if other.created_at < run.created_at]
    for other in reversed(before):
        if _key(other) == own.found.key:
            return Origin("reused", other)
    return Origin("own", run)


def _key(run: RunRecord) -> str | None:
    """What names a run's measurement among all; None where there is none that can be read."""
    try:
        found = measurement(run)
    except DeltaAppError:
        return None
    return None if found is None else found.found.key

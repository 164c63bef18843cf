"""The store that a command's --runs-dir means, and runs as JSON."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

from delta_app.cli.output import print_json
from delta_app.formatting import duration, percent
from delta_app.runs.opened import opened
from delta_app.runs.records import RunRecord
from delta_app.runs.store import RunStore
from delta_app.services import locations


def open_store(options: argparse.Namespace) -> RunStore:
    """The store of --runs-dir, or of the default folder."""
    return opened(locations.runs_dir(options.runs_dir))


def summary(run: RunRecord) -> dict[str, Any]:
    """What `train --json` ends with."""
    return {
        "run": run.id,
        "status": str(run.status),
        "val_top1": run.val_top1,
        "test_top1": run.test_top1,
        "seconds": run.seconds,
        "attention": run.attention,
    }


def print_ended(run: RunRecord, *, as_json: bool) -> None:
    """What `train` and `runs resume` end with on stdout."""
    if as_json:
        print_json(summary(run))
    elif run.best_epoch is not None:
        print(
            f"{run.id}: {run.status}, epoch {run.best_epoch}, "
            f"validation {percent(run.val_top1)}, test {percent(run.test_top1)}, "
            f"{duration(run.seconds)}"
        )
    else:
        print(f"{run.id}: {run.status}")


def details(run: RunRecord) -> dict[str, Any]:
    """What `runs list --json` holds of each run: the same keys as `summary`, and more."""
    return summary(run) | {
        "name": run.name,
        "kind": run.kind,
        "method": run.method,
        "dataset": run.dataset,
        "backbone": run.backbone,
        "epoch": run.epoch,
        "epochs": run.epochs,
        "best_epoch": run.best_epoch,
        "test_balanced_accuracy": run.test_balanced,
        "device": run.device,
        "created": _utc(run.created_at),
        "started": _utc(run.started_at),
        "finished": _utc(run.finished_at),
        "folder": str(run.folder),
        "imported": run.facts.get("imported"),
    }


def _utc(time: float | None) -> str | None:
    return None if time is None else datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")

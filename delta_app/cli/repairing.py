"""What `runs repair` does and says."""

from __future__ import annotations

import argparse
from typing import Any

from delta_app.cli.output import note, one_line, print_json
from delta_app.formatting import counted
from delta_app.runs.repair import Report, repair
from delta_app.services import locations


def run_repair(options: argparse.Namespace) -> int:
    """Repair the store of --runs-dir, and say what was done with every folder; 0.

    Raises:
        RunError: a process works on a run of the folder.
        StoreError: the store cannot be repaired now.
    """
    runs_dir = locations.runs_dir(options.runs_dir).resolve()
    report = repair(runs_dir, forget=options.forget, on_progress=_progress)
    if options.json:
        print_json(_as_json(report))
    else:
        _say(report)
    return 0


def _progress(done: int, total: int, name: str) -> None:
    note(f"{done + 1} of {total}: {name}")


def _say(report: Report) -> None:
    if report.damage is None:
        print(f"The store {report.store} is sound.")
    else:
        print(f"The store {report.store} could not be used: {one_line(report.damage)}")
        if report.moved_to is not None:
            print(f"It was moved to {report.moved_to}, and a new one was made.")
        else:
            print("A new one was made.")
    for run in report.runs:
        if run.done != "unchanged":
            print(f"{run.run} ({one_line(run.name)}): {run.done}, {run.status}")
    unchanged = sum(run.done == "unchanged" for run in report.runs)
    if unchanged:
        print(f"{counted(unchanged, 'run')}: as before.")
    for left in report.left:
        print(f"{left.folder}: left as it is: {one_line(left.why)}")
    for record in report.gone:
        said = "forgotten" if record in report.forgotten else "kept; --forget deletes it"
        print(f"{record.id} ({one_line(record.name)}): its folder is gone; its row is {said}")


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "store": str(report.store),
        "sound": report.damage is None,
        "damage": report.damage,
        "moved_to": None if report.moved_to is None else str(report.moved_to),
        "runs": [
            {"run": run.run, "name": run.name, "status": str(run.status), "done": run.done}
            for run in report.runs
        ],
        "left": [{"folder": left.folder, "why": left.why} for left in report.left],
        "gone": [{"run": record.id, "name": record.name} for record in report.gone],
        "forgotten": [record.id for record in report.forgotten],
    }

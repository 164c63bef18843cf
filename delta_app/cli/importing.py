"""What `runs import` does and says."""

from __future__ import annotations

import argparse

from delta_app.cli.output import note, one_line, print_json
from delta_app.cli.stores import details
from delta_app.services.importing import import_run


def run_import(options: argparse.Namespace) -> int:
    """Import a run's folder, and say what it is called here and what was left out; 0.

    Raises:
        RunError: it is no run's folder, or a file that is needed is missing or damaged.
        StoreError: the store cannot take it now.
    """
    imported = import_run(
        options.folder,
        options.name,
        options.runs_dir,
        on_file=lambda name: note(f"copying {name}"),
    )
    run = imported.run
    if options.json:
        left_out = [{"file": each.name, "why": each.why} for each in imported.left_out]
        print_json(details(run) | {"left_out": left_out})
        return 0
    print(f"{run.id} ({one_line(run.name)}): imported, {run.status}")
    for each in imported.left_out:
        print(one_line(f"Left out: {each.name} {each.why}."))
    return 0

"""`export`: a trained network as a bundle that works without Delta App."""

from __future__ import annotations

import argparse
from pathlib import Path

from delta_app.cli.command import Command, Context, add_json, add_runs_dir
from delta_app.cli.output import print_json


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run's id, the beginning of it, or its name")
    parser.add_argument(
        "--out", metavar="DIR", help="folder to write to (default: ./RUN-export, by the run's id)"
    )
    add_runs_dir(parser)
    add_json(parser, "the files' paths")


def _run(options: argparse.Namespace, context: Context) -> int:
    from delta_app.cli.stores import open_store
    from delta_app.services.export import export

    run = open_store(options).find(options.run)
    bundle = export(run, Path(options.out or f"{run.id}-export").expanduser().resolve())
    if options.json:
        print_json(
            {
                "run": run.id,
                "weights": str(bundle.weights),
                "description": str(bundle.description),
            }
        )
    else:
        print(bundle.weights)
        print(bundle.description)
    return 0


COMMAND = Command(
    "Write a run's network as safetensors, with a JSON beside it.", _add_options, _run
)

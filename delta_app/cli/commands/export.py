"""`export`: a run's network, or its attention, as files that work without Delta App."""

from __future__ import annotations

import argparse
from pathlib import Path

from delta_app.cli.command import Command, Context, add_json, add_runs_dir
from delta_app.cli.output import print_json


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run's id, the beginning of it, or its name")
    parser.add_argument(
        "--what",
        choices=("network", "attention"),
        default="network",
        help="the trained network as safetensors with a JSON beside it (default), or the channel "
        "attention as attention.json and, in the authors' form, authors.json",
    )
    parser.add_argument(
        "--out", metavar="DIR", help="folder to write to (default: ./RUN-export, by the run's id)"
    )
    add_runs_dir(parser)
    add_json(parser, "the files' paths")


def _run(options: argparse.Namespace, context: Context) -> int:
    from delta_app.cli.stores import open_store
    from delta_app.services.attention_export import export_attention
    from delta_app.services.export import export

    run = open_store(options).find(options.run)
    folder = Path(options.out or f"{run.id}-export").expanduser().resolve()
    if options.what == "attention":
        files = export_attention(run, folder)
        written = {"attention": files.attention, "authors": files.authors}
    else:
        bundle = export(run, folder)
        written = {"weights": bundle.weights, "description": bundle.description}
    if options.json:
        print_json({"run": run.id} | {name: str(path) for name, path in written.items()})
    else:
        for path in written.values():
            print(path)
    return 0


COMMAND = Command("Write a run's network, or its attention, for use elsewhere.", _add_options, _run)

"""`compare`: the results of several runs, and exactly those settings that differ."""

from __future__ import annotations

import argparse

from delta_app.cli.command import Command, Context, UsageError, add_json, add_runs_dir


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", nargs="+", help="two or more runs, by id or name")
    add_runs_dir(parser)
    add_json(parser)


def _run(options: argparse.Namespace, context: Context) -> int:
    if len(options.run) < 2:
        raise UsageError(f"compare: expected two runs or more, got {len(options.run)}.")
    raise UsageError("x")


COMMAND = Command("Compare runs: results, and the settings that differ.", _add_options, _run)

"""`train`: fine-tune a network, here and now; the app shows the run as it goes."""

from __future__ import annotations

import argparse

from delta_app.cli.command import Command, Context, add_json, add_runs_dir


def _add_options(parser: argparse.ArgumentParser) -> None:
    from delta_app.cli.run_settings import add_settings

    parser.add_argument("--name", metavar="TEXT", help="what to call the run")
    parser.add_argument(
        "--config", metavar="FILE", help="a run's config.json; options override what it says"
    )
    add_runs_dir(parser)
    add_json(parser)
    add_settings(parser)


def _run(options: argparse.Namespace, context: Context) -> int:
    from delta_app.cli.run_settings import run_config

    config = run_config(options)  # before anything else: what was typed may be wrong

    from delta_app.cli.foreground import run_to_end
    from delta_app.cli.stores import print_ended
    from delta_app.runs.records import TRAINING

    run, code = run_to_end(TRAINING, config, options)
    print_ended(run, as_json=options.json)
    return code


COMMAND = Command("Fine-tune a network on a folder of pictures.", _add_options, _run)

"""`compare`: the results of several runs, and exactly those settings that differ."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from delta_app.cli.command import Command, Context, UsageError, add_json, add_runs_dir
from delta_app.cli.output import print_json, print_table
from delta_app.errors import RunError
from delta_app.formatting import duration, percent

if TYPE_CHECKING:
    from delta_app.runs.records import RunRecord


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", nargs="+", help="two or more runs, by id or name")
    add_runs_dir(parser)
    add_json(parser, "results and settings")


def _run(options: argparse.Namespace, context: Context) -> int:
    if len(options.run) < 2:
        raise UsageError(f"compare: expected two runs or more, got {len(options.run)}.")

    from delta_app.cli.stores import details, open_store
    from delta_app.comparison.settings import differing, setting_rows
    from delta_app.training.run_config import RunConfig

    store = open_store(options)
    found = [_training_run(store.find(each)) for each in options.run]
    configs = [RunConfig.model_validate(run.config) for run in found]
    rows = differing(setting_rows(configs))
    if options.json:
        flat = [config.flat() for config in configs]
        print_json(
            {
                "runs": [details(run) for run in found],
                "settings": {
                    row.name: {
                        run.id: values[row.name]
                        for run, values in zip(found, flat, strict=True)
                        if row.name in values
                    }
                    for row in rows
                },
            }
        )
        return 0
    print_table(
        ("RUN", "METHOD", "STATE", "BEST EPOCH", "VAL", "TEST", "BALANCED", "TIME"),
        [_result(run) for run in found],
    )
    print()
    if rows:
        print_table(
            ("SETTING", *(run.id for run in found)), [(row.label, *row.values) for row in rows]
        )
    else:
        print("No setting differs.")
    return 0


def _training_run(run: RunRecord) -> RunRecord:
    from delta_app.runs.records import TRAINING

    if run.kind != TRAINING:
        raise RunError(
            f"{run.name} ({run.id}) is a measurement of attention.", cure="Compare trained runs."
        )
    return run


def _result(run: RunRecord) -> tuple[str, ...]:
    return (
        run.id,
        run.method_label,
        str(run.status),
        "–" if run.best_epoch is None else str(run.best_epoch),
        percent(run.val_top1),
        percent(run.test_top1),
        percent(run.test_balanced),
        duration(run.seconds),
    )


COMMAND = Command("Compare runs: results, and the settings that differ.", _add_options, _run)

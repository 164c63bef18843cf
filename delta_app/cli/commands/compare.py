"""`compare`: the results of several runs, and exactly those settings that differ."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from delta_app.cli.command import Command, Context, UsageError, add_json, add_runs_dir
from delta_app.cli.output import note, one_line, print_json, print_table
from delta_app.formatting import duration, percent

if TYPE_CHECKING:
    from delta_app.comparison.disagreement import Agreement
    from delta_app.services.comparison import ComparedRun, Comparison


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", nargs="+", help="two to eight runs, by id or name")
    add_runs_dir(parser)
    add_json(parser, "results and settings")


def _run(options: argparse.Namespace, context: Context) -> int:
    if len(options.run) < 2:
        raise UsageError(f"compare: expected two runs or more, got {len(options.run)}.")

    from delta_app.cli.stores import open_store
    from delta_app.services.comparison import MOST_RUNS, agreement_of, answered_runs, compare

    store = open_store(options)
    ids = list(dict.fromkeys(store.find(each).id for each in options.run))
    if len(ids) < 2:
        raise UsageError(f"compare: {' and '.join(options.run)} are one and the same run.")
    if len(ids) > MOST_RUNS:
        raise UsageError(f"compare: expected {MOST_RUNS} runs at most, got {len(ids)}.")
    comparison = compare(ids, runs_dir=store.runs_dir)
    agreement = agreement_of(comparison) if len(answered_runs(comparison)) > 1 else None
    if options.json:
        print_json(_report(comparison, agreement))
    else:
        _print(comparison, agreement)
    return 0


def _report(comparison: Comparison, agreement: Agreement | None) -> dict[str, Any]:
    """What `--json` prints; settings by name, and by run as they are typed."""
    from delta_app.cli.stores import details
    from delta_app.training.run_config import RunConfig

    flat = {
        each.run.id: RunConfig.model_validate(each.run.config).flat() for each in comparison.runs
    }
    return {
        "runs": [details(each.run) | {"test_interval": each.interval} for each in comparison.runs],
        "settings": {
            row.name: {run: values[row.name] for run, values in flat.items() if row.name in values}
            for row in comparison.settings
            if row.differs
        },
        "notes": list(comparison.notes),
        "test_pictures": None
        if agreement is None
        else {
            "compared": agreement.compared,
            "all_right": agreement.all_right,
            "all_wrong": agreement.all_wrong,
            "disagree": len(agreement.disagreements),
        },
    }


def _print(comparison: Comparison, agreement: Agreement | None) -> None:
    print_table(
        ("RUN", "METHOD", "STATE", "BEST EPOCH", "VAL", "TEST (95 % INTERVAL)", "TIME"),
        [_result(each) for each in comparison.runs],
    )
    print()
    differing = [row for row in comparison.settings if row.differs]
    if differing:
        print_table(
            ("SETTING", *(each.run.id for each in comparison.runs)),
            [(row.label, *row.values) for row in differing],
        )
    else:
        print("No setting differs.")
    if agreement is not None:
        print(
            f"\nOf {agreement.compared} test pictures all are right on {agreement.all_right}, "
            f"all give the same wrong answer on {agreement.all_wrong}, and "
            f"{len(agreement.disagreements)} are answered differently."
        )
    for text in comparison.notes:
        note(one_line(f"note: {text}"))


def _result(each: ComparedRun) -> tuple[str, ...]:
    run = each.run
    test = percent(run.test_top1)
    if each.interval is not None:
        low, high = each.interval
        test += f" ({100 * low:.1f}-{100 * high:.1f})"
    return (
        run.id,
        run.method_label,
        str(run.status),
        "–" if run.best_epoch is None else str(run.best_epoch),
        percent(run.val_top1),
        test,
        duration(run.seconds),
    )


COMMAND = Command("Compare runs: results, and the settings that differ.", _add_options, _run)

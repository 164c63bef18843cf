"""`predict`: what a run's network says of pictures."""

from __future__ import annotations

import argparse

from delta_app.cli.command import Command, Context, UsageError, add_json, add_runs_dir
from delta_app.cli.output import print_json
from delta_app.formatting import percent


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run's id, the beginning of it, or its name")
    parser.add_argument("picture", metavar="PICTURE", nargs="+", help="picture files")
    parser.add_argument(
        "--top", type=int, default=3, metavar="N", help="classes to name for each (default 3)"
    )
    add_runs_dir(parser)
    add_json(parser, "every class's probability")


def _run(options: argparse.Namespace, context: Context) -> int:
    if options.top < 1:
        raise UsageError(f"--top: expected 1 or more, got {options.top}.")

    from delta_app.cli.stores import open_store
    from delta_app.services.predict import predict

    run = open_store(options).find(options.run)
    found = predict(run, options.picture)
    if options.json:
        print_json(
            {
                "run": run.id,
                "predictions": [
                    {
                        "picture": each.picture,
                        "predicted": each.top(1)[0][0],
                        "probabilities": dict(each.top(len(each.classes))),
                    }
                    for each in found
                ],
            }
        )
        return 0
    for each in found:
        named = ", ".join(f"{name} {percent(share)}" for name, share in each.top(options.top))
        print(f"{each.picture}: {named}")
    return 0


COMMAND = Command("Say what a run's network sees in pictures.", _add_options, _run)

"""`backbones`: the networks that can be fine-tuned."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from delta_app.cli.command import Command, Context, add_json
from delta_app.cli.output import print_json, print_table
from delta_app.errors import BackboneError
from delta_app.formatting import millions, percent


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "word", metavar="WORD", nargs="*", help="show only names with these words in them"
    )
    add_json(parser, "the list")


def _run(options: argparse.Namespace, context: Context) -> int:
    from delta_app.services.backbones import search

    found = search(" ".join(options.word))
    if not found:
        raise BackboneError(
            f"no backbone has {' '.join(options.word)!r} in its name.",
            cure="`backbones` without a word lists them all.",
        )
    if options.json:
        print_json({"backbones": [asdict(each) for each in found]})
        return 0
    print_table(
        ("NAME", "FAMILY", "PARAMETERS", "INPUT", "IMAGENET TOP-1"),
        [
            (
                each.name,
                each.family,
                millions(each.parameters),
                f"{each.input_size} px",
                percent(each.top1),
            )
            for each in found
        ],
    )
    return 0


COMMAND = Command("List the networks that can be fine-tuned.", _add_options, _run)

"""`check`: what training would make of a folder of pictures, and what it would leave out."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from delta_app.cli.command import Command, Context, UsageError, add_json
from delta_app.cli.output import note, one_line, print_json, print_table
from delta_app.cli.setting_options import add_option, say, typed
from delta_app.config import DataSettings
from delta_app.errors import DatasetError
from delta_app.formatting import counted
from delta_app.settings import describe

if TYPE_CHECKING:
    from delta_app.data.records import DatasetCheck, Splits


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help="folder of pictures")
    for info in describe(DataSettings):
        if info.name != "data":
            add_option(parser, info, [f"default {say(info.default)}"])
    add_json(parser, "what was found")


def _run(options: argparse.Namespace, context: Context) -> int:
    from pydantic import ValidationError

    from delta_app.data.check import check_folder
    from delta_app.data.splits import make_splits

    try:
        settings = DataSettings(**typed(options, [info.name for info in describe(DataSettings)]))
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{first['loc'][0]}: {first['msg']}, got {first['input']!r}.") from error
    found = check_folder(settings.data)
    splits = make_splits(found, settings) if found.usable else None
    if options.json:
        print_json(_report(found, splits))
    else:
        _print(found, splits)
    if not found.usable:
        problem = next(each for each in found.problems if each.level == "error")
        raise DatasetError(f"{problem.title} {problem.message}", cure=problem.cure)
    return 0


def _report(found: DatasetCheck, splits: Splits | None) -> dict[str, Any]:
    """What `--json` prints: every file left out stands in it by name, with the reason."""
    counts = splits.counts() if splits else {}
    return {
        "data": found.root,
        "name": found.name,
        "usable": found.usable,
        "classes": list(found.classes),
        "pictures": found.n_pictures,
        "splits": {
            split: dict(zip(found.classes, by_class, strict=True))
            for split, by_class in counts.items()
        },
        "left_out": [{"file": each.relative, "reason": each.reason} for each in found.left_out],
        "problems": [
            {
                "level": each.level,
                "title": each.title,
                "message": each.message,
                "cure": each.cure,
                "suggestion": each.suggestion,
            }
            for each in found.problems
        ],
        "fingerprint": found.fingerprint,
    }


def _print(found: DatasetCheck, splits: Splits | None) -> None:
    print(
        f"{found.root}: {counted(found.n_pictures, 'picture')} in "
        f"{counted(len(found.classes), 'class', 'classes')}"
    )
    if splits:
        counts = splits.counts()
        print_table(
            ("CLASS", *(split.upper() for split in counts)),
            [
                (name, *(str(by_class[i]) for by_class in counts.values()))
                for i, name in enumerate(found.classes)
            ],
        )
    for problem in found.problems:
        if problem.level != "error":  # an error is said on stderr, as the command's end
            note(one_line(f"{problem.level}: {problem.title} {problem.message} {problem.cure}"))
    for each in found.left_out:
        print(f"left out: {each.relative}: {each.reason}")


COMMAND = Command("Check a folder of pictures.", _add_options, _run)

"""Reads the command line, runs the command, and turns errors into one line and an exit code.

Exit codes: 0 done; 1 an error, said in one line on stderr; 2 wrong usage; 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from delta_app import __version__
from delta_app.cli.command import INTERRUPTED, Command, Context, Launch, UsageError
from delta_app.cli.output import note, one_line, print_error
from delta_app.errors import Cancelled, DeltaAppError

COMMANDS = (
    "app", "check", "backbones", "train", "attention", "runs", "predict", "compare", "export",
)  # fmt: skip

PROGRAM = "python -m delta_app"


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line: the usage of `train` alone fills a screen."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("allow_abbrev", False)
        options.setdefault("formatter_class", _Help)
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read on; exit with 2."""
        note(f"error: {one_line(message)}. `{self.prog} --help` tells what is expected.")
        raise SystemExit(2)


class _Help(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)


def main(arguments: Sequence[str], *, launch: Launch | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        options, command = _parse(arguments)
    except SystemExit as end:  # argparse has printed help or what is wrong
        return end.code if isinstance(end.code, int) else 2
    try:
        return command.run(options, Context(launch))
    except UsageError as error:
        note(f"error: {one_line(str(error))}")
        return 2
    except (Cancelled, KeyboardInterrupt):
        note("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`... | head`): nothing can be said to it, and that is no error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if options.debug:
            traceback.print_exc()
        print_error(error)
        return 1


def _parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, Command]:
    """The options and the command. Only the chosen command's options are built."""
    chosen = next((a for a in arguments if not a.startswith("-")), None)
    parser = _Parser(
        prog=PROGRAM,
        description="Fine-tune pretrained image classifiers with L2, L2-SP and DELTA, compare "
        "them and look inside.",
        epilog=f"`{PROGRAM} COMMAND --help` tells what a command takes.",
    )
    parser.add_argument("--version", action="version", version=f"Delta App {__version__}")
    parser.add_argument(
        "--debug", action="store_true", default=False, help="show the traceback of an error"
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        command = command_named(name)
        subparser = subparsers.add_parser(name, help=command.summary, description=command.summary)
        if name == chosen:
            try:
                command.add_options(subparser)
            except DeltaAppError as error:
                print_error(error)
                raise SystemExit(1) from error
            subparser.add_argument(
                "--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
            )
    options = parser.parse_args(arguments)
    return options, command_named(options.command)


def command_named(name: str) -> Command:
    """The command of that name, from its module."""
    command: Command = import_module(f"delta_app.cli.commands.{name}").COMMAND
    return command

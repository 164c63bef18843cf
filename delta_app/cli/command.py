"""What a command is: a module of `delta_app.cli.commands` with a summary, options and `run`.

A command's module is light to import; what it needs of torch or the store it imports when it
runs, so that `--help` and short commands answer at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from delta_app.services.opening import Opening

INTERRUPTED = 130
"""The exit code of a command that a signal ended, as shells have it for Ctrl-C."""


class Launch(Protocol):
    """Opens the app and returns the exit code once it has ended."""

    def __call__(self, opening: Opening) -> int: ...


@dataclass(frozen=True)
class Context:
    """What a command may need from outside the command line."""

    launch: Launch | None = None


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        summary: one line for the list of commands.
        add_options: adds the command's arguments to its parser.
        run: does the work and returns the exit code.
    """

    summary: str
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Context], int]


class UsageError(Exception):
    """Options that do not fit together; shown with exit code 2."""


def add_runs_dir(parser: argparse.ArgumentParser) -> None:
    """The option of every command that touches runs."""
    parser.add_argument(
        "--runs-dir",
        metavar="DIR",
        help="folder of the runs (default: DELTA_RUNS_DIR, else a folder in your data directory)",
    )


def add_json(parser: argparse.ArgumentParser, what: str = "the result") -> None:
    """The option that prints one JSON object as the last line of stdout."""
    parser.add_argument("--json", action="store_true", help=f"print {what} as one line of JSON")

"""What the command line prints: results on stdout, progress and errors on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from delta_app.data.names import printable
from delta_app.errors import DeltaAppError


def print_json(value: Any) -> None:
    """One line of JSON on stdout."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False), flush=True)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns padded to their widest cell; columns of numbers stand to the right."""
    head = [printable(cell) for cell in head]
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    right = [bool(rows) and all(_numeric(row[i]) for row in rows) for i in range(len(head))]
    for row in (head, *rows):
        cells = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ]
        print("  ".join(cells).rstrip())


def _numeric(cell: str) -> bool:
    return cell[:1].isdigit() or cell[:1] in "-–"


def one_line(text: str) -> str:
    """`text` without line breaks and what a terminal obeys, so that an error stays one line."""
    return printable(" ".join(text.split()))


def print_error(error: BaseException, stream: TextIO | None = None) -> None:
    """An error as one line: what, where, and the cure."""
    if isinstance(error, DeltaAppError):
        text = str(error)
    else:
        text = (
            f"unexpected {type(error).__name__}: {error}. "
            "Run it again with --debug to see where, and report it."
        )
    note(f"error: {one_line(text)}", stream)


def note(text: str, stream: TextIO | None = None) -> None:
    """One line on stderr."""
    print(text, file=stream or sys.stderr, flush=True)

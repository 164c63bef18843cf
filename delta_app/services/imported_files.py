"""Whether the files of a run's folder are what they should be, before the run enters a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from delta_app.attention.artifact import load_attention
from delta_app.attention.by_picture import load_by_picture
from delta_app.attention.faithfulness import load_faithfulness
from delta_app.data.records import Splits
from delta_app.errors import DeltaAppError
from delta_app.json_files import read_json
from delta_app.runs.folder import RunFolder
from delta_app.runs.foreign_folder import LeftOutFile
from delta_app.runs.journal import read_journal
from delta_app.runs.result_file import read_result
from delta_app.services.run_pictures import read_pictures
from delta_app.services.split_results import read_results
from delta_app.training.checkpoint import load_checkpoint, read_tensors
from delta_app.training.network_file import read_network

MOST_LINES = 1_000_000
"""Of a journal: a run of 200 000 steps has some 200 000."""

MOST_NUMBERS = 5_000_000
"""In a journal, over all its lines: they are in memory when they are put into the store."""

MOST_METRICS = 1_000
"""Different names in a journal."""

LONGEST_METRIC = 200
LARGEST = 2**53
"""Of whole numbers, in settings, facts and journal: beyond it, JSON's readers disagree."""


def check_journal(folder: RunFolder) -> None:
    """Do nothing where a run's journal can be one and is of a bounded size.

    Raises:
        ValueError: it cannot; names the line.
        OSError: it cannot be read.
    """
    names: set[str] = set()
    numbers = 0
    for line, measured in enumerate(read_journal(folder.journal), 1):
        where = f"line {line} of {folder.journal}"
        if line > MOST_LINES:
            raise ValueError(f"{folder.journal} has more than {MOST_LINES} lines")
        if not 0 <= measured.step <= LARGEST or not 0 <= measured.epoch <= LARGEST:
            raise ValueError(f"{where} is of step {measured.step:.6g}, epoch {measured.epoch:.6g}")
        numbers += len(measured.values)
        names.update(measured.values)
        if numbers > MOST_NUMBERS:
            raise ValueError(f"{folder.journal} has more than {MOST_NUMBERS} numbers")
        if len(names) > MOST_METRICS or any(len(n) > LONGEST_METRIC for n in measured.values):
            raise ValueError(
                f"{where}: a journal has at most {MOST_METRICS} names of up to {LONGEST_METRIC} "
                "characters"
            )


def check_sizes(value: Any, where: str) -> None:
    """Do nothing where no whole number in JSON's values is absurdly large.

    Raises:
        ValueError: one is; begins with `where`.
    """
    match value:
        case bool():
            return
        case int() if abs(value) > LARGEST:
            raise ValueError(f"{where}: a whole number is beyond 2^53")
        case Mapping():
            for each in value.values():
                check_sizes(each, where)
        case str():
            return
        case Sequence():
            for each in value:
                check_sizes(each, where)


def leave_out_unsound(folder: RunFolder) -> list[LeftOutFile]:
    """Delete what a run can be shown without and is not what it should be; what, and why."""
    left_out = []
    for path, check in _checks(folder):
        if not path.exists():
            continue
        try:
            check()
        except (DeltaAppError, OSError, ValueError, SafetensorError, MemoryError) as error:
            said = error.message if isinstance(error, DeltaAppError) else str(error)
            said = said.replace(f"{folder.path}/", "")  # it is of no account once it is imported
            left_out.append(LeftOutFile(path.name, " ".join(f"is not sound: {said}".split())[:500]))
            path.unlink()
    return left_out


def _checks(folder: RunFolder) -> list[tuple[Path, Callable[[], object]]]:
    """Each file with what reads it; those that others are judged by stand before them."""
    own = folder.path

    def predictions() -> None:
        read_pictures(folder)
        read_results(folder)

    return [
        (folder.model, lambda: read_network(folder.model)),
        (folder.split, lambda: Splits.from_json(read_json(folder.split))),
        (folder.predictions, predictions),
        (folder.result, lambda: read_result(folder.result)),
        (folder.attention, lambda: load_attention(folder.attention)),
        (folder.attention_head, lambda: _safetensors(folder.attention_head)),
        (folder.faithfulness, lambda: load_faithfulness(folder.faithfulness)),
        (
            own / "by_picture.safetensors",
            lambda: load_by_picture(own / "by_picture.safetensors"),
        ),
        (folder.best, lambda: _safetensors(folder.best)),
        (folder.snapshot, lambda: _safetensors(folder.snapshot)),
        (folder.checkpoint, lambda: load_checkpoint(folder.checkpoint)),
        (folder.measuring, lambda: read_tensors(folder.measuring)),
    ]


def _safetensors(path: Path) -> None:
    """Whether a file is safetensors from its beginning to its end; no tensor is read."""
    with safe_open(path, framework="pt") as file:
        if not list(file.keys()):
            raise ValueError("it holds no tensor")

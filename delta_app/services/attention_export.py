"""A run's attention for use elsewhere: the file itself, and the authors' form of it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from delta_app.atomic_files import write_whole
from delta_app.attention.artifact import ChannelAttention, load_attention
from delta_app.attention.authors_file import authors_json as as_authors_json
from delta_app.errors import ExportError, RunError
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import RunRecord

ATTENTION = "attention.json"
AUTHORS = "authors.json"


@dataclass(frozen=True)
class AttentionFiles:
    """The files of an export."""

    attention: Path
    authors: Path


def authors_json(run: RunRecord) -> str:
    """The importances of a run's filters as the authors' file: JSON, one list a behaviour layer.

    Raises:
        RunError: the run has no measured attention.
        AttentionError: its file cannot be read.
    """
    return as_authors_json(layer.importance for layer in _measured(run).layers.values())


def export_attention(run: RunRecord, folder: str | Path) -> AttentionFiles:
    """Write a run's attention and its authors' form into `folder`, made where it is not there.

    Raises:
        RunError: the run has no measured attention.
        AttentionError: its file cannot be read.
        ExportError: the folder cannot be written to.
    """
    text = authors_json(run)
    files = AttentionFiles(Path(folder) / ATTENTION, Path(folder) / AUTHORS)
    own = RunFolder(run.folder).attention
    try:
        files.attention.parent.mkdir(parents=True, exist_ok=True)
        write_whole(files.attention, lambda temporary: shutil.copyfile(own, temporary))
        write_text(files.authors, text)
    except OSError as error:
        raise ExportError(
            f"{folder} cannot be written to: {error.strerror or error}.",
            cure="Choose another folder with --out, or make room on the disk.",
        ) from error
    return files


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all, ended by a line break."""
    write_whole(path, lambda temporary: temporary.write_text(text + "\n", encoding="utf-8"))


def _measured(run: RunRecord) -> ChannelAttention:
    path = RunFolder(run.folder).attention
    if not path.is_file():
        raise RunError(
            f"{run.name} ({run.id}) has no measured attention: it is {run.status}, by "
            f"{run.method_label}.",
            cure="Choose a measurement of attention, or a DELTA run that has measured or read one.",
        )
    return load_attention(path)

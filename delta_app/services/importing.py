"""Importing the folder of a run that was made elsewhere, by somebody else.

What is in it is data: it is copied by name, checked against its schema and only then given a row.
Paths that its files hold (pictures, starting weights, an attention file) are text; whoever uses
them later asks `delta_app.services.allowed`, as with any path of a config.

The folder is made under a hidden name and renamed when all of it is sound, so that a process that
is killed in the middle leaves nothing that could be taken for a run.
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from delta_app.data.names import printable
from delta_app.data.scan import folder_of
from delta_app.errors import DeltaAppError, RunError, StoreError
from delta_app.runs.agreeing import agree_with_folder
from delta_app.runs.checked_files import first_complaint
from delta_app.runs.description import describe_run
from delta_app.runs.folder import RunFolder, new_id
from delta_app.runs.foreign_folder import ForeignFolder, LeftOutFile
from delta_app.runs.found_run import HalfMadeError, run_in
from delta_app.runs.json_values import plain_json
from delta_app.runs.locks import whole_store_lock
from delta_app.runs.log_file import LogFile
from delta_app.runs.older_run import settings_in
from delta_app.runs.opened import opened
from delta_app.runs.records import ATTENTION, Event, RunFailure, RunRecord, RunStatus
from delta_app.runs.run_file import keep_run, read_run_file
from delta_app.runs.store import RunStore
from delta_app.runs.stored_values import check_values
from delta_app.runs.table import checked_name
from delta_app.services import allowed, locations
from delta_app.services.imported_files import check_journal, check_sizes, leave_out_unsound
from delta_app.training.run_config import RunConfig

PREFIX = ".importing-"
"""What a folder is called until it is a run's."""

FACT = "imported"
"""The fact in which a run's record says where it came from."""

_OWN_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*-[2-9a-z]{6}")
_CURE = "Ask whoever sent the folder for one that `runs import` takes, or leave it."
_CONFIG = TypeAdapter(RunConfig)


@dataclass(frozen=True)
class Imported:
    """A run that was imported, and the files of its folder that were left out."""

    run: RunRecord
    left_out: tuple[LeftOutFile, ...]


def import_in_app(folder: str, name: str | None = None) -> Imported:
    """As `import_run`, for a path that came out of a form.

    Raises:
        OutsideError: it leads out of what the app may read; its field is folder.
    """
    allowed.roots().check(_source(folder), folder=True, field="folder")
    return import_run(folder, name)


def import_run(
    folder: str | Path,
    name: str | None = None,
    runs_dir: str | Path | None = None,
    on_file: Callable[[str], None] | None = None,
) -> Imported:
    """Take a run folder from elsewhere into a runs folder; the one that was given stays.

    The run keeps its id, unless another has it, and how it ended; one that had not ended is
    interrupted.

    Args:
        name: what to call it; by default as it is called in its folder, with a number where a
            run is called so already.
        on_file: is told each file's name before it is copied.

    Raises:
        RunError: it is no run's folder, or a file that is needed is missing or damaged.
        StoreError: the store or the disk cannot take it, or another process changes the store.
    """
    source = _source(folder)
    if not source.is_dir():
        raise RunError(
            f"{source} is no folder.",
            cure="Give the folder of one run, unpacked.",
            field="folder",
        )
    wanted = None if name is None else checked_name(name)
    store = opened(locations.runs_dir(None if runs_dir is None else str(runs_dir)))
    temporary = store.runs_dir / f"{PREFIX}{secrets.token_hex(4)}"
    try:
        lock = whole_store_lock(store.runs_dir)
        if not lock.acquire():
            raise StoreError(
                f"Nothing can be imported into {store.runs_dir} now: another process imports a run "
                "or repairs the store.",
                cure="Wait until it has ended.",
            )
        try:
            _clear(store.runs_dir)
            return _imported(store, source, temporary, wanted, on_file)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            lock.release()
    except OSError as error:
        raise StoreError(
            f"{source} cannot be imported into {store.runs_dir}: {error.strerror or error}.",
            cure="Make room on the disk, or give yourself the right to write there.",
        ) from error


def imported_from(run: RunRecord) -> tuple[str, float] | None:
    """The folder that a run was imported from and when (unix time); None for one made here."""
    said = run.facts.get(FACT)
    if not isinstance(said, dict):
        return None
    source, at = said.get("from"), said.get("at")
    return str(source), float(at) if isinstance(at, (int, float)) and 0 <= at < 1e11 else 0.0


def _source(folder: str | Path) -> Path:
    return folder_of(folder)


def _clear(runs_dir: Path) -> None:
    """Delete what an import that was killed has left; only one goes on at a time."""
    for path in runs_dir.glob(f"{PREFIX}*"):
        shutil.rmtree(path, ignore_errors=True)


def _imported(
    store: RunStore,
    source: Path,
    temporary: Path,
    name: str | None,
    on_file: Callable[[str], None] | None,
) -> Imported:
    # It lies in there under a name that a run's folder may have, which readers ask for.
    folder = RunFolder(temporary / (source.name if _OWN_ID.fullmatch(source.name) else "run"))
    foreign = ForeignFolder(source, on_file)
    folder.path.mkdir(parents=True)
    foreign.copy_needed(folder.path)
    try:
        # Before gigabytes are copied. A run.json that is damaged is not passed over, as a repair
        # does: whoever sent it can send it again.
        settings_in(folder)
        read_run_file(folder.run)
        check_journal(folder)
        left_out = foreign.copy_others(folder.path)
        left_out += leave_out_unsound(folder)
        values = _row(folder, store.names(), name)
    except HalfMadeError as error:
        raise _refused(source, "it has settings and nothing else, so nothing ran in it") from error
    except (ValueError, DeltaAppError) as error:
        said = error.message if isinstance(error, DeltaAppError) else str(error)
        raise _refused(source, said.replace(str(folder.path), str(source)).rstrip(".")) from error
    values["id"] = _free_id(store, folder.path.name, values["method"])
    values["facts"][FACT] = {"from": printable(str(source))[:1000], "at": time.time()}
    final = RunFolder(store.runs_dir / values["id"])
    values["attention"] = str(final.attention) if folder.attention.is_file() else None
    _say(folder, source, left_out)
    # Whoever makes a store of the folders finds the run as it is here, not as it was elsewhere.
    keep_run(_record(values, folder.path))
    folder.path.rename(final.path)
    _adopt(store, values, final)
    return Imported(store.get(values["id"]), tuple(left_out))


def _refused(source: Path, why: str) -> RunError:
    return RunError(f"{source} is not imported: {why}.", cure=_CURE, field="folder")


def _row(folder: RunFolder, taken: set[str], name: str | None) -> dict[str, Any]:
    """The columns of the run's row.

    Raises:
        HalfMadeError: no run was made in it.
        ValueError, DeltaAppError: a file does not fit.
    """
    kind, config = settings_in(folder)
    values = run_in(folder, taken)
    if values["kind"] != kind and folder.run.is_file():
        config = _settings_of(values)
    described = describe_run(values["kind"], config)
    # What its settings say, whatever else its run.json does; but not of which folder they are.
    values |= {n: described[n] for n in ("method", "method_label", "color", "backbone")}
    values["facts"] = plain_json(values["facts"])
    _settings_of(values)
    for column in ("config", "facts"):
        check_sizes(values[column], column)
    if values["status"] is RunStatus.QUEUED:  # nobody here has asked for it
        values |= {"status": RunStatus.INTERRUPTED, "finished_at": values["created_at"]}
    values["name"] = name or _free_name(values["name"], taken)
    check_values(values)
    return values


def _settings_of(values: dict[str, Any]) -> RunConfig:
    """The settings that a run's row has.

    Raises:
        ValueError: they are none.
    """
    config = values["config"]
    try:
        return _CONFIG.validate_python(config.get("run") if values["kind"] == ATTENTION else config)
    except ValidationError as error:
        raise ValueError(f"run.json does not fit: config: {first_complaint(error)}") from error


def _free_name(name: str, taken: set[str]) -> str:
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name[:190]} {number}"
    return free


def _free_id(store: RunStore, own: str, method: str) -> str:
    """The run's own id where nothing is called so, else a new one."""
    candidate = own if _OWN_ID.fullmatch(own) else new_id(method)
    while _is_taken(store, candidate):
        candidate = new_id(method)
    return candidate


def _is_taken(store: RunStore, run_id: str) -> bool:
    if (store.runs_dir / run_id).exists():
        return True
    try:
        store.get(run_id)
    except RunError:
        return False
    return True


def _say(folder: RunFolder, source: Path, left_out: list[LeftOutFile]) -> None:
    """Into the run's log: where it came from, and what did not come with it."""
    log, now = LogFile(folder.log), time.time()
    log.append(Event(now, "info", f"Imported from {printable(str(source))}."))
    for each in left_out:
        log.append(Event(now, "warning", f"Left out: {printable(each.name)} {each.why}."))


def _record(values: dict[str, Any], folder: Path) -> RunRecord:
    known = {field.name for field in fields(RunRecord)}
    message = values.get("error_message")
    failure = None
    if message is not None:
        failure = RunFailure(message, values.get("error_cure") or "", values.get("error_log") or "")
    row = {name: value for name, value in values.items() if name in known}
    return RunRecord(**row, folder=folder, error=failure)


def _adopt(store: RunStore, values: dict[str, Any], folder: RunFolder) -> None:
    """Give the folder its row, its numbers and its log, or take the folder away again."""
    try:
        store.adopt(values)
        try:
            agree_with_folder(store, folder.path.name, folder)
        except BaseException:
            store.delete(folder.path.name)
            raise
    except BaseException:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise

"""What pages and the command line do with runs.

Every function takes the runs folder last; None is the default folder of
`delta_app.services.locations`. All but `run_here` are cheap enough to be asked every second.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from delta_app.runs.control import Shutdown
from delta_app.runs.description import describe_run, free_name
from delta_app.runs.folder import RunFolder
from delta_app.runs.foreground import run_in_foreground
from delta_app.runs.locks import is_owned
from delta_app.runs.opened import curves_of, opened
from delta_app.runs.records import ATTENTION, TRAINING, Event, RunRecord, RunStatus, Series
from delta_app.runs.recover import recover
from delta_app.runs.store import RunStore
from delta_app.runs.words import current_epoch, status_words, time_left
from delta_app.runs.worker import Workers, start_worker
from delta_app.services import allowed, inspected_networks, locations
from delta_app.services.attention_of import attention_of_config
from delta_app.services.going_on import check_kept_pictures, check_may_go_on
from delta_app.training.devices import device_name, resolve_device
from delta_app.training.observer import Observer
from delta_app.training.run_config import RunConfig

__all__ = [
    "ATTENTION",
    "TRAINING",
    "MachineState",
    "Shutdown",
    "Workers",
    "current_epoch",
    "curves",
    "delete",
    "events",
    "find_run",
    "get_run",
    "list_runs",
    "machine",
    "move",
    "queue",
    "rename",
    "request_stop",
    "run_here",
    "start_worker",
    "status_words",
    "submit",
    "submit_attention",
    "submit_attention_of",
    "time_left",
]

RunsDir = str | Path | None

HELD = (RunStatus.PAUSED, RunStatus.INTERRUPTED)
"""States out of which a run that is to stop goes on, to test what it has."""


# Starting


def submit(config: RunConfig, name: str | None = None, runs_dir: RunsDir = None) -> str:
    """Put a training run in the queue; returns its id.

    Without a name it is called "<method> · <dataset>", with a number where that is taken.

    Raises:
        SettingsError: the device is not one of this machine.
        OutsideError: the settings name a path outside what the app may read.
        RunError: the name cannot be used.
        StoreError: the store cannot be used.
    """
    return _submit(TRAINING, config, name, runs_dir)


def submit_attention(config: RunConfig, name: str | None = None, runs_dir: RunsDir = None) -> str:
    """Put a measurement of this config's channel attention in the queue; returns its id.

    Raises:
        SettingsError: the device is not one of this machine.
        OutsideError: the settings name a path outside what the app may read.
        RunError: the name cannot be used.
        StoreError: the store cannot be used.
    """
    return _submit(ATTENTION, config, name, runs_dir)


def submit_attention_of(run_id: str, name: str | None = None, runs_dir: RunsDir = None) -> str:
    """Put a measurement of a finished run's fine-tuned network in the queue; returns its id.

    It is measured with the run's own head, on its own training pictures.

    Raises:
        RunError: there is no such run, it has no trained network, or the name cannot be used.
        SettingsError: its settings are of another version, or its device is not of this machine.
        OutsideError: they name a path outside what the app may read.
        StoreError: the store cannot be used.
    """
    return _submit(ATTENTION, attention_of_config(get_run(run_id, runs_dir)), name, runs_dir)


def run_here(
    kind: str,
    config: RunConfig,
    shutdown: Shutdown,
    name: str | None = None,
    runs_dir: RunsDir = None,
    also: Sequence[Observer] = (),
) -> RunRecord:
    """Run a run in this process and return the ended run's record; it shows in the app too.

    It waits while another run has the device.

    Args:
        kind: TRAINING or ATTENTION.
        shutdown: requested where the process is told to end; the run is interrupted then.
        also: observers for progress on the terminal; a phase "waiting" tells of a busy device.

    Raises:
        SettingsError: the device is not one of this machine.
        RunError: the name cannot be used.
        StoreError: the store cannot be used.
    """
    return run_in_foreground(_store(runs_dir), kind, config, name, shutdown, also=also)


# Looking


def list_runs(
    kind: str | None = None,
    status: RunStatus | Iterable[RunStatus] | None = None,
    runs_dir: RunsDir = None,
) -> list[RunRecord]:
    """All runs, or those of one kind or of these states, newest first."""
    store = _store(runs_dir)
    recover(store)
    return store.runs(kind, status)


def queue(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Those of the runs that wait, the next in line first."""
    waiting = [record for record in records if record.status is RunStatus.QUEUED]
    return sorted(waiting, key=lambda record: record.queue_position or 0)


def get_run(run_id: str, runs_dir: RunsDir = None) -> RunRecord:
    """The run of that id, as it stands now.

    Raises:
        RunError: there is none.
    """
    store = _store(runs_dir)
    record = store.get(run_id)
    goes_on = record.owner is not None and not record.status.ended
    if goes_on and not is_owned(RunFolder(record.folder)) and recover(store):
        return store.get(run_id)
    return record


def find_run(text: str, runs_dir: RunsDir = None) -> RunRecord:
    """The run whose id, unique beginning of its id, or name is `text`.

    Raises:
        RunError: no run or several are meant.
    """
    return get_run(_store(runs_dir).find(text).id, runs_dir)


def curves(
    run_id: str,
    names: Sequence[str] | None = None,
    max_points: int = 1000,
    runs_dir: RunsDir = None,
) -> dict[str, Series]:
    """The series of a run by metric name, those named or all; extremes survive the thinning.

    Only points that came since the last call are read from the store.

    Args:
        names: of `delta_app.training.metric_names`; those that were not measured are left out.
        max_points: of each series; at least 4.

    Raises:
        RunError: there is no such run.
    """
    return curves_of(_store(runs_dir)).read(run_id, names, max_points)


def events(run_id: str, limit: int = 200, runs_dir: RunsDir = None) -> list[Event]:
    """The last lines of a run's log, newest first.

    Raises:
        RunError: there is no such run.
    """
    return _store(runs_dir).events(run_id, limit)


# Changing


def request_stop(run_id: str, runs_dir: RunsDir = None) -> RunRecord:
    """Ask a run to stop; one that waits in the queue is stopped at once.

    Raises:
        RunError: there is no such run, or it has ended already.
        OutsideError: it was paused or broken off, and to test what it has it would read what the
            app may not.
    """
    store = _store(runs_dir)
    recover(store)
    run = store.get(run_id)
    if run.status in HELD and run.started_at is not None:
        check_may_go_on(run)
    return store.request(run_id, "stop")


def move(run_id: str, place: int, runs_dir: RunsDir = None) -> RunRecord:
    """Give a queued run another place in the line, 1 for the next.

    Raises:
        RunError: there is no such run, or it waits no more.
    """
    store = _store(runs_dir)
    recover(store)
    return store.move(run_id, place)


def rename(run_id: str, name: str, runs_dir: RunsDir = None) -> RunRecord:
    """Give a run another name.

    Raises:
        RunError: there is no such run, or the name is empty or too long.
    """
    return _store(runs_dir).rename(run_id, name)


def delete(run_id: str, runs_dir: RunsDir = None) -> None:
    """Delete a run and everything in its folder.

    Raises:
        RunError: there is no such run, or a process works on it.
        StoreError: its folder cannot be moved away.
    """
    store = _store(runs_dir)
    recover(store)
    folder = store.get(run_id).folder
    store.delete(run_id)
    curves_of(store).forget(run_id)
    inspected_networks.forget(folder)


# The machine


@dataclass(frozen=True)
class MachineState:
    """The machine as it stands now.

    Attributes:
        device: the one that "auto" takes, in words.
        gpu: name of that device where it is a GPU, else None.
        memory_used, memory_total: bytes, of the GPU where there is one, else of the machine.
        disk_free: bytes on the disk of the runs folder.
    """

    device: str
    gpu: str | None
    memory_used: int
    memory_total: int
    disk_free: int


def machine(runs_dir: RunsDir = None) -> MachineState:
    """The device that runs take, its memory, and the room left on the runs folder's disk."""
    device = resolve_device("auto")
    name = device_name(device)
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        used = total - free
    else:
        memory = psutil.virtual_memory()
        used, total = memory.total - memory.available, memory.total
    return MachineState(
        device=name,
        gpu=None if device.type == "cpu" else name,
        memory_used=int(used),
        memory_total=int(total),
        disk_free=shutil.disk_usage(_store(runs_dir).runs_dir).free,
    )


def _store(runs_dir: RunsDir) -> RunStore:
    return opened(locations.runs_dir(None if runs_dir is None else str(runs_dir)))


def _submit(kind: str, config: RunConfig, name: str | None, runs_dir: RunsDir) -> str:
    resolve_device(config.optimization.device)
    allowed.check_config(config, runs_dir)  # the app runs what is queued, and answers for it
    if config.attention.attention_of is not None:
        check_kept_pictures(Path(config.attention.attention_of), locations.runs_dir(runs_dir))
    store = _store(runs_dir)
    name = name or free_name(kind, config, store.names())
    return store.create(kind, name, **describe_run(kind, config)).id

"""A run in this process: its progress on stderr, and the exit code it ends with."""

from __future__ import annotations

import argparse

from delta_app.cli.command import INTERRUPTED
from delta_app.cli.interrupts import ending_on_signals
from delta_app.cli.output import note, print_error
from delta_app.cli.progress import Progress
from delta_app.errors import DeltaAppError
from delta_app.runs.records import ATTENTION, RunRecord, RunStatus
from delta_app.runtime import prepare_process
from delta_app.services.readiness import check_ready
from delta_app.services.resuming import resume_command, resume_here
from delta_app.services.runs import Shutdown, run_here, status_words
from delta_app.training.run_config import RunConfig


def run_to_end(kind: str, config: RunConfig, options: argparse.Namespace) -> tuple[RunRecord, int]:
    """Make a run and run it here; its record, and the exit code.

    The code is 0 for a run that completed or was stopped, 1 for one that failed (its reason is
    on stderr), 130 for one that a signal interrupted, or, where attention is measured, stopped.

    Raises:
        DeltaAppError: what can be known at once is wrong, such as a folder that is not there;
            then there is no run.
    """
    prepare_process()
    check_ready(config)
    # A measurement is worth keeping as far as it came; a network half trained is not.
    shutdown = Shutdown("stop" if kind == ATTENTION else "interrupt")
    with ending_on_signals(shutdown.request), Progress() as progress:
        run = run_here(kind, config, shutdown, options.name, options.runs_dir, also=[progress])
    return run, exit_code(run, shutdown, options)


def resume_to_end(
    run: RunRecord, epochs: int | None, options: argparse.Namespace
) -> tuple[RunRecord, int]:
    """Resume a run here, or continue it for more epochs; its record, and the exit code.

    Raises:
        RunError: another process works on it, or nothing is left to do.
    """
    prepare_process()
    shutdown = Shutdown("stop" if run.kind == ATTENTION else "interrupt")
    with ending_on_signals(shutdown.request), Progress() as progress:
        run = resume_here(run.id, shutdown, options.runs_dir, epochs=epochs, also=[progress])
    return run, exit_code(run, shutdown, options)


def exit_code(run: RunRecord, shutdown: Shutdown, options: argparse.Namespace) -> int:
    """What a command that ran this run ends with, after it said on stderr why."""
    if run.status is RunStatus.FAILED and run.error is not None:
        print_error(DeltaAppError(run.error.message, cure=run.error.cure))
        if options.debug:
            note(run.error.log_tail)
        return 1
    if run.status is RunStatus.INTERRUPTED:
        note(f"Interrupted: {run.id} is kept as far as it came. {_how_to_resume(run, options)}")
        return INTERRUPTED
    if run.status is RunStatus.PAUSED:
        note(f"Paused: {run.id}. {_how_to_resume(run, options)}")
        return 0
    if run.status is RunStatus.STOPPED and shutdown.requested:
        note(f"{status_words(run)}: {run.id}.")
        return INTERRUPTED
    return 0


def _how_to_resume(run: RunRecord, options: argparse.Namespace) -> str:
    return f"It goes on with: {resume_command(run, runs_dir=options.runs_dir)}"

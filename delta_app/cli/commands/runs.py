"""`runs`: list, show, pause, resume, stop, move, delete and import runs; repair their store."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from typing import TYPE_CHECKING

from delta_app.cli.command import Command, Context, UsageError, add_json, add_runs_dir
from delta_app.cli.output import note, print_json, print_table
from delta_app.errors import RunError
from delta_app.formatting import duration, percent

if TYPE_CHECKING:
    from delta_app.runs.records import RunRecord
    from delta_app.runs.store import RunStore


def _add_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="all runs, newest first")
    showing = actions.add_parser("show", help="one run: its settings, its results, its log")
    stopping = actions.add_parser(
        "stop",
        help="end a run; it keeps what it has: its best epoch, "
        "which is tested, or the pictures it measured",
    )
    pausing = actions.add_parser(
        "pause", help="keep a run as it stands and free its device; a queued run leaves the queue"
    )
    resuming = actions.add_parser(
        "resume",
        help="go on here with a run that was paused, broken off, stopped or has failed",
    )
    resuming.add_argument(
        "--epochs",
        type=_epochs,
        metavar="N",
        help="N more epochs for a run that is complete; its learning-rate schedule runs anew",
    )
    moving = actions.add_parser("move", help="give a queued run another place in the queue")
    moving.add_argument(
        "--to", type=_place, default=1, metavar="PLACE", help="1 is the next (default)"
    )
    deleting = actions.add_parser("delete", help="delete runs with their folders, for good")
    repairing = actions.add_parser(
        "repair", help="make the store sound, anew where it must be, from the run folders"
    )
    repairing.add_argument(
        "--forget", action="store_true", help="delete the rows of runs whose folder is gone"
    )
    importing = actions.add_parser(
        "import", help="copy a run's folder from elsewhere into the runs folder, once it is checked"
    )
    importing.add_argument("folder", metavar="FOLDER", help="the folder of one run, unpacked")
    importing.add_argument("--name", metavar="NAME", help="what to call it here")
    for each in (showing, stopping, pausing, resuming, moving):
        each.add_argument("run", metavar="RUN", help="id, the beginning of it, or name")
    deleting.add_argument("run", metavar="RUN", nargs="+", help="id, the beginning of it, or name")
    deleting.add_argument("--yes", action="store_true", help="do not ask")
    every = (listing, showing, stopping, pausing, resuming, moving, deleting, repairing, importing)
    for each in every:
        add_runs_dir(each)
        add_json(each)
        each.add_argument(
            "--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
        )


def _epochs(text: str) -> int:
    return _whole(text, 10000, "epochs")


def _place(text: str) -> int:
    return _whole(text, 1_000_000, "a place in the queue")


def _whole(text: str, most: int, what: str) -> int:
    if text.isdecimal() and 0 < int(text) <= most:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected {what} from 1 to {most}, got {text!r}")


def _run(options: argparse.Namespace, context: Context) -> int:
    from delta_app.cli.stores import open_store
    from delta_app.runs.recover import recover

    if options.action == "repair":  # the store may be past opening
        from delta_app.cli.repairing import run_repair

        return run_repair(options)
    if options.action == "import":
        from delta_app.cli.importing import run_import

        return run_import(options)
    store = open_store(options)
    recover(store)  # a run whose process has died is shown as interrupted
    actions = {
        "list": _list,
        "show": _show,
        "stop": _stop,
        "pause": _pause,
        "resume": _resume,
        "move": _move,
        "delete": _delete,
    }
    return actions[options.action](options, store)


def _list(options: argparse.Namespace, store: RunStore) -> int:
    from delta_app.cli.stores import details

    found = store.runs()
    if options.json:
        print_json({"runs": [details(run) for run in found]})
    elif not found:
        note(f"No runs in {store.runs_dir}.")
    else:
        print_table(
            ("RUN", "NAME", "STATE", "EPOCH", "VAL", "TEST", "TIME", "STARTED"),
            [_row(run) for run in found],
        )
    return 0


def _row(run: RunRecord) -> tuple[str, ...]:
    started = "–" if run.started_at is None else f"{datetime.fromtimestamp(run.started_at):%F %R}"
    return (
        run.id,
        run.name,
        str(run.status),
        f"{run.epoch}/{run.epochs}" if run.epochs else "–",
        percent(run.val_top1),
        percent(run.test_top1),
        duration(run.seconds),
        started,
    )


def _show(options: argparse.Namespace, store: RunStore) -> int:
    from delta_app.cli.stores import details

    run = store.find(options.run)
    failure = None
    if run.error:
        failure = {"message": run.error.message, "cure": run.error.cure}
    everything = details(run) | {"error": failure, "config": run.config}
    if options.json:
        print_json(everything)
        return 0
    for name, value in everything.items():
        if name != "config":
            print(f"{name}: {'–' if value is None else value}")
    for group, settings in run.config.items():
        print(f"{group}: {settings}")
    for event in reversed(store.events(run.id, 10)):
        print(f"{datetime.fromtimestamp(event.at):%F %T} {event.level}: {event.message}")
    return 0


def _stop(options: argparse.Namespace, store: RunStore) -> int:
    from delta_app.cli.stores import summary
    from delta_app.runs.records import ATTENTION
    from delta_app.services.going_on import check_on_command_line
    from delta_app.services.runs import HELD

    found = store.find(options.run)
    if found.status in HELD and found.started_at is not None:
        check_on_command_line(found)  # it goes on, to test what it has
    run = store.request(found.id, "stop")
    stopping = run.request == "stop"
    if options.json:
        print_json(summary(run) | {"stopping": stopping})
    elif stopping:
        keeps = (
            "the pictures it measured" if run.kind == ATTENTION else "its best epoch, and is tested"
        )
        print(f"{run.id} is stopping: it keeps {keeps}.")
    else:
        print(f"{run.id} is {run.status}.")
    return 0


def _pause(options: argparse.Namespace, store: RunStore) -> int:
    from delta_app.cli.stores import summary

    run = store.request(store.find(options.run).id, "pause")
    if options.json:
        print_json(summary(run) | {"pausing": run.pausing})
    elif run.pausing:
        print(f"{run.id} is pausing: it finishes this step and keeps where it is.")
    else:
        print(f"{run.id} is {run.status}.")
    return 0


def _resume(options: argparse.Namespace, store: RunStore) -> int:
    from delta_app.cli.foreground import resume_to_end
    from delta_app.cli.stores import print_ended

    run, code = resume_to_end(store.find(options.run), options.epochs, options)
    print_ended(run, as_json=options.json)
    return code


def _move(options: argparse.Namespace, store: RunStore) -> int:
    run = store.move(store.find(options.run).id, options.to)
    if options.json:
        print_json({"run": run.id, "queue_position": run.queue_position})
    else:
        print(f"{run.id} is number {run.queue_position} in the queue.")
    return 0


def _delete(options: argparse.Namespace, store: RunStore) -> int:
    from delta_app.runs.records import RunStatus

    found = list({run.id: run for run in map(store.find, options.run)}.values())
    going = [run for run in found if run.status is RunStatus.RUNNING]
    if going:
        raise RunError(
            f"{', '.join(f'{run.name} ({run.id})' for run in going)} is running; nothing was "
            "deleted.",
            cure="Stop it first.",
        )
    if not options.yes:
        if not sys.stdin.isatty():
            raise UsageError("runs delete: nobody can be asked here. Add --yes to delete for good.")
        names = ", ".join(f"{run.name} ({run.id})" for run in found)
        note(f"Delete {names} with their folders, for good? [y/N]")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            note("Nothing was deleted.")
            return 1
    for run in found:
        store.delete(run.id)
    if options.json:
        print_json({"deleted": [run.id for run in found]})
    else:
        print(f"Deleted {', '.join(run.id for run in found)}.")
    return 0


COMMAND = Command("List, steer and import runs; repair their store.", _add_options, _run)

"""`app`: open the user interface in the browser."""

from __future__ import annotations

import argparse

from delta_app.cli.command import Command, Context, add_runs_dir


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=8501, help="default 8501")
    parser.add_argument(
        "--host",
        default="localhost",
        help="address to listen on (default localhost: only this computer can open the app)",
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address, open no browser window"
    )
    add_runs_dir(parser)


def _port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, got {text!r}")


def _run(options: argparse.Namespace, context: Context) -> int:
    from delta_app.services import locations

    if context.launch is None:
        raise RuntimeError("the app is opened by `python -m delta_app app` only")
    return context.launch(
        host=options.host,
        port=options.port,
        runs_dir=locations.runs_dir(options.runs_dir),
        open_browser=not options.no_browser,
    )


COMMAND = Command("Open the app in the browser.", _add_options, _run)

"""`app`: open the user interface in the browser."""

from __future__ import annotations

import argparse

from delta_app.cli.command import Command, Context, add_runs_dir
from delta_app.services.opening import Opening


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=8501, help="default 8501")
    parser.add_argument(
        "--root",
        action="append",
        default=[],
        metavar="DIR",
        help="a folder that the app may read, with all beneath; may be given several times "
        "(default: DELTA_ROOTS, else your home folder)",
    )
    parser.add_argument(
        "--share",
        action="store_true",
        help="let other computers open the app too; needs a password or a login: see "
        "docs/security.md",
    )
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        help="a file whose first line is the password (default: DELTA_APP_PASSWORD)",
    )
    parser.add_argument(
        "--host",
        help="address to listen on (default localhost: only this computer can open the app; with "
        "--share 0.0.0.0: all can)",
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
        Opening(
            runs_dir=locations.runs_dir(options.runs_dir),
            port=options.port,
            host=options.host,
            share=options.share,
            password_file=options.password_file,
            roots=tuple(options.root),
            open_browser=not options.no_browser,
        )
    )


COMMAND = Command("Open the app in the browser.", _add_options, _run)

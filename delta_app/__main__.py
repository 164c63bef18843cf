"""`python -m delta_app`: the command line, and the app that its `app` command opens."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from delta_app import openmp

if TYPE_CHECKING:
    from delta_app.services.opening import Opening


def _launch(opening: Opening) -> int:
    """Open the app. Here, since the command line must not know the user interface."""
    from delta_app.ui.launch import launch

    return launch(opening)


def _main() -> int:
    openmp.let_threads_sleep()
    from delta_app.cli import main  # only now: it may import torch

    return main(sys.argv[1:], launch=_launch)


if __name__ == "__main__":
    sys.exit(_main())

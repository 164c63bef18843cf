"""Make the bundled demo again: `python -m delta_app.demo draw` or `... pretrain`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from delta_app.demo.bundle import GARDEN, WEIGHTS
from delta_app.demo.garden import draw_garden
from delta_app.demo.pretrain import Recipe, pretrain
from delta_app.errors import DeltaAppError
from delta_app.formatting import percent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the two commands; the exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        if chosen.command == "draw":
            count = draw_garden(chosen.output)
            print(f"{count} pictures in {chosen.output}")
        else:
            torch.set_num_threads(chosen.threads)
            reached = pretrain(Recipe(seed=chosen.seed), chosen.output)
            print(f"{percent(reached)} of the held-out signs right; weights in {chosen.output}")
    except (DeltaAppError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m delta_app.demo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    draw = commands.add_parser("draw", help="draw the pictures of the garden (half a minute)")
    draw.add_argument("--output", type=Path, default=GARDEN, help="folder (default: %(default)s)")
    train = commands.add_parser("pretrain", help="train the small backbone (a quarter of an hour)")
    train.add_argument("--output", type=Path, default=WEIGHTS, help="file (default: %(default)s)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())

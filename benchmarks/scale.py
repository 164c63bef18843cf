"""The app at the size of a year of work: large folders, many runs, long runs, large caches.

    python -m benchmarks.scale [folder] [store] [long] [browser] [cache] [--scratch DIR]

Each part runs in a process of its own and adds its lines to one Markdown table. What it needs is
drawn or written into --scratch once (5 GB and a few minutes at full size) and kept there for the
next time. `--share 0.01` tries all of it at a hundredth of the size.

Times are by the clock, with the processor's time beside them: on a busy machine the latter says
more. What should hold stands in the last column.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

PARTS = ("folder", "store", "long", "browser", "cache")
SCRATCH = Path(tempfile.gettempdir()) / "delta-app-scale"


def main() -> None:
    """Run the parts and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=(*PARTS, []), metavar="part")
    parser.add_argument("--scratch", type=Path, default=SCRATCH)
    parser.add_argument("--share", type=float, default=1.0, help="of the full size")
    parser.add_argument("--only", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.scratch.mkdir(parents=True, exist_ok=True)
    if options.only:
        part = import_module(f"benchmarks.scaled.{options.only}")
        for line in part.measure(options.scratch, options.share):
            print(line.markdown(), flush=True)
        return
    print("| what | measured | wanted |\n| --- | --- | --- |", flush=True)
    for name in options.parts or PARTS:
        command = [sys.executable, "-m", "benchmarks.scale", "--only", name]
        settings = ["--scratch", str(options.scratch), "--share", str(options.share)]
        subprocess.run([*command, *settings], cwd=Path(__file__).resolve().parents[1], check=True)


if __name__ == "__main__":
    main()

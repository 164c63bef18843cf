"""Whether the app answers while it trains, and what it costs to watch a run.

    python -m benchmarks.responsiveness [clicks] [watching] [--clicks 200] [--seconds 60]

*clicks*: in a real browser of 1280 x 800, random clicks on every page and from page to page, each
until its effect is seen, while the app trains a DELTA run on the CPU with all cores. Two runs have
ended before, and every kind of click was done once. The time between two clicks is not counted; a
page opened by its address is not a click. Wanted: a median below 0.5 s, 95 % below 1.5 s.

*watching*: CPU seconds a second of the app's process while one browser page watches a run that
trains in another process: each tab of the run's page, other pages, a browser tab that is hidden,
and no page. Wanted: below a tenth of a core; below 0.005 where nobody looks.

Both print a table in Markdown. 150 clicks take about six minutes, 10 x 25 s of watching as many.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks import clicks, watching

PARTS = ("clicks", "watching")


def main() -> None:
    """Do the parts and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--clicks", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60, help="that each page is watched")
    parser.add_argument("--seed", type=int, default=0, help="of the clicks")
    parser.add_argument("--backbone", default="mobilenet_v2", help="that trains beside the clicks")
    parser.add_argument("--image-size", type=int, default=224, help="of its pictures, px")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="responsiveness-") as folder:
        if "clicks" in (options.parts or PARTS):
            found = clicks.measure_clicks(
                Path(folder) / "clicks",
                options.clicks,
                options.seed,
                options.backbone,
                options.image_size,
            )
            print(clicks.table(found) + "\n", flush=True)
        if "watching" in (options.parts or PARTS):
            print(watching.table(watching.measure_watching(Path(folder), options.seconds)))


if __name__ == "__main__":
    main()

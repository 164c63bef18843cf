"""One process of the fuzz benchmark: takes files by the line, says what became of each.

    python -m benchmarks.fuzz_worker RUNS_DIR RUN_ID

It says "ready" once it is. Then each line of stdin is {"kind": ..., "path": ...}, and each line of
stdout {"said": [...], "failed": ..., "seconds": ..., "megabytes": ...}: the refusals' words, what
came out that must not, its processor time, and how much resident memory rose while the file was
read (Linux).
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from pathlib import Path

from benchmarks.damage.doors import DOORS
from benchmarks.damage.sound import Place


def main() -> None:
    place = Place(Path(sys.argv[1]), sys.argv[2])
    # Its pictures lie outside the home folder; what may be read is not what is tried here.
    os.environ["DELTA_ROOTS"] = place.runs_dir.anchor
    answers, sys.stdout = sys.stdout, sys.stderr  # what the app prints is no answer
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(_tried(asked["kind"], Path(asked["path"]), place)), file=answers)
        answers.flush()


def _tried(kind: str, file: Path, place: Place) -> dict[str, object]:
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    before, started = _memory("VmRSS"), time.process_time()
    said: list[str] = []
    failed = ""
    try:
        said = DOORS[kind](file, place)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        failed = f"{type(error).__name__} at {where}: {str(error)[:300]}"
        traceback.print_exc()
    seconds = time.process_time() - started  # of its own: the machine may be busy
    return {
        "said": said,
        "failed": failed,
        "seconds": seconds,
        "megabytes": _memory("VmHWM") - before,
    }


def _memory(name: str) -> float:
    """Of this process, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1000


if __name__ == "__main__":
    main()

"""What the app makes of damaged files: whether anything crashes it, and whether it says why.

    python -m benchmarks.fuzz [--seed 0] [--pictures 2000] [--files 500] [--workers 2] [--keep DIR]

Pictures are made of drawn ones in every format that is read and, where DELTA_TEST_DATA names the
folder that holds them, of photographs. The other files are weights, settings, attention in both
forms, everything in a run's folder, and run stores. Each goes through every door of the app that
is open to its kind (`benchmarks/damage/doors.py`), in worker processes of their own.

A file fails where anything but one of the app's own errors comes out, an error has no words or
does not name the file, the process dies, it takes more than 10 s of processor time or more than
1 GB, it does not answer for two minutes, or code in it was run. Prints a Markdown table by kind
and one by damage, and every failure; ends with 1 where there is one.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import random
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from benchmarks.damage.files import damaged_files
from benchmarks.damage.pictures import damaged_pictures
from benchmarks.damage.raw import Damaged
from benchmarks.damage.sound import Place, make_place

SECONDS, MEGABYTES = 10.0, 1000.0
_GRACE = 120.0
"""Seconds after which a process that does not answer is ended, on however busy a machine."""


_START = 300.0
"""Seconds for a process to begin, on however busy a machine."""


@dataclass(frozen=True)
class Outcome:
    """What became of one file: `failed` is empty where nothing went wrong."""

    damaged: Damaged
    refused: bool
    failed: str
    seconds: float
    megabytes: float


class Worker:
    """A process that tries files one after another, and is replaced where one kills it."""

    def __init__(self, place: Place, log: Path) -> None:
        self._place, self._log = place, log
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str] = queue.Queue()

    def tries(self, damaged: Damaged, file: Path) -> Outcome:
        """Give it the file and wait for its answer."""
        process = self._running()
        assert process.stdin is not None
        process.stdin.write(json.dumps({"kind": damaged.kind, "path": str(file)}) + "\n")
        process.stdin.flush()
        try:
            line = self._answers.get(timeout=_GRACE)
        except queue.Empty:
            self.end()
            return Outcome(damaged, False, f"no answer in {_GRACE:.0f} s", _GRACE, 0.0)
        if not line:
            code = process.wait()
            self._process = None
            return Outcome(damaged, False, f"the process died with {code}", 0.0, 0.0)
        answer = json.loads(line)
        failed, seconds, megabytes = answer["failed"], answer["seconds"], answer["megabytes"]
        if not failed and seconds > SECONDS:
            failed = f"took {seconds:.1f} s"
        if not failed and megabytes > MEGABYTES:
            failed = f"took {megabytes:.0f} MB"
        return Outcome(damaged, bool(answer["said"]), failed, seconds, megabytes)

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            command = [sys.executable, "-m", "benchmarks.fuzz_worker"]
            with self._log.open("a") as log:
                self._process = subprocess.Popen(
                    [*command, str(self._place.runs_dir), self._place.run_id],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    env=os.environ | {"OMP_NUM_THREADS": "1"},
                )
            self._answers = queue.Queue()
            threading.Thread(
                target=_pass_on, args=(self._process, self._answers), daemon=True
            ).start()
            self._answers.get(timeout=_START)
        return self._process


def _pass_on(process: subprocess.Popen[str], answers: queue.Queue[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        answers.put(line)
    answers.put("")  # it has ended


def try_all(
    damaged: Iterable[Damaged], workers: Sequence[Worker], folder: Path
) -> Iterator[Outcome]:
    """Every file through the workers; outcomes in the order in which they come."""
    waiting: queue.Queue[tuple[int, Damaged] | None] = queue.Queue(maxsize=2 * len(workers))
    outcomes: queue.Queue[Outcome | None] = queue.Queue()

    def work(worker: Worker) -> None:
        while (item := waiting.get()) is not None:
            number, each = item
            file = folder / f"{number:05}" / each.name
            file.parent.mkdir()
            file.write_bytes(each.data)
            outcome = worker.tries(each, file)
            outcomes.put(outcome)
            if not outcome.failed:
                file.unlink()
                file.parent.rmdir()
        worker.end()
        outcomes.put(None)

    problems: list[Exception] = []

    def feed() -> None:
        try:
            for item in enumerate(damaged):
                waiting.put(item)
        except Exception as error:
            problems.append(error)
        for _ in workers:
            waiting.put(None)

    for worker in workers:
        threading.Thread(target=work, args=(worker,), daemon=True).start()
    threading.Thread(target=feed, daemon=True).start()
    ended = 0
    while ended < len(workers):
        outcome = outcomes.get()
        if outcome is None:
            ended += 1
        else:
            yield outcome
    if problems:
        raise problems[0]


def photographs() -> list[bytes]:
    """Files of real photographs, none over 200 kB; none where DELTA_TEST_DATA names no folder."""
    root = os.environ.get("DELTA_TEST_DATA")
    found = sorted(Path(root, "datasets").rglob("*.jpg")) if root else []
    return [p.read_bytes() for p in found[:: max(1, len(found) // 40)] if p.stat().st_size < 2e5]


def table(outcomes: Sequence[Outcome], of: str) -> list[str]:
    """Rows of a Markdown table: one a kind or a damage."""
    rows = [
        f"| {of} | files | refused with a message | read | failed | slowest | most memory |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    groups: dict[str, list[Outcome]] = {}
    for each in outcomes:
        groups.setdefault(str(getattr(each.damaged, of)), []).append(each)
    groups = dict(sorted(groups.items())) | {"all": list(outcomes)}
    for name, group in groups.items():
        count = Counter("failed" if o.failed else "refused" if o.refused else "read" for o in group)
        slowest, most = max(o.seconds for o in group), max(o.megabytes for o in group)
        rows.append(
            f"| {name} | {len(group)} | {count['refused']} | {count['read']} | {count['failed']} "
            f"| {slowest:.1f} s | {most:.0f} MB |"
        )
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description="Try the app on damaged files.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="an empty folder for the files that failed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        root = Path(temporary)
        folder = options.keep or root / "files"
        folder.mkdir(exist_ok=True)
        place, canary = make_place(root), root / "canary"
        copies = [Place(root / f"copy{n}" / "runs", place.run_id) for n in range(options.workers)]
        for copy in copies:
            place.copied(copy.runs_dir)
            (copy.runs_dir.parent / "shapes").symlink_to(root / "shapes")
        workers = [Worker(copy, folder / "log.txt") for copy in copies]
        chance = random.Random(options.seed)
        damaged = chain(
            damaged_files(options.files, chance, place.folder, place.store.read_bytes(), canary),
            damaged_pictures(options.pictures, chance, photographs(), with_bombs=True),
        )
        outcomes = []
        for outcome in try_all(damaged, workers, folder):
            outcomes.append(outcome)
            if outcome.failed:
                each = outcome.damaged
                print(f"- {each.kind}, {each.damage}, {each.name}: {outcome.failed}", flush=True)
        for of in ("kind", "damage"):
            print("\n".join(table(outcomes, of)), end="\n\n", flush=True)
        if canary.exists():
            print("CODE IN A FILE WAS RUN.")
        return int(canary.exists() or any(outcome.failed for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())

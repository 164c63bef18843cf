"""A folder of 100,000 pictures in 1,000 classes: its check, its cancelling, a form on it."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

from benchmarks.scaled.folders import many_pictures
from benchmarks.scaled.measure import (
    Line,
    kilobytes,
    megabytes,
    memory,
    milliseconds,
    most_memory,
    timed,
)
from delta_app.config import DataSettings
from delta_app.data.cache import cache_key
from delta_app.data.check import check_folder
from delta_app.data.splits import make_splits
from delta_app.figures.pictures_per_class import pictures_per_class
from delta_app.services import datasets
from delta_app.services.datasets import CheckInBackground

CANCEL_AT = (0.0, 0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0)  # seconds


def measure(scratch: Path, share: float) -> list[Line]:
    """Check it, cancel its check at many moments, and do what the Fine-tune page does."""
    classes, pictures = round(1000 * share), round(100_000 * share)
    folder = many_pictures(scratch / "pictures", classes, pictures)
    before = memory()
    asked, told = [time.perf_counter()], 0

    def cancelled() -> bool:
        asked.append(time.perf_counter())
        return False

    def on_progress(done: int, total: int) -> None:
        nonlocal told
        told += 1

    start = time.perf_counter()
    found = check_folder(folder, on_progress=on_progress, cancelled=cancelled)
    seconds = time.perf_counter() - start
    asked.append(time.perf_counter())
    peak = most_memory() - before
    assert found.n_pictures == pictures
    longest = max(later - earlier for earlier, later in itertools.pairwise(asked))
    settings = DataSettings(data=str(folder))
    cut = timed(lambda: make_splits(found, settings))
    splits = datasets.preview(found, settings)
    again = timed(lambda: datasets.preview(found, settings), 5)
    counts = {str(split): numbers for split, numbers in splits.counts().items()}
    chart = pictures_per_class(found.classes, counts)
    return [
        Line(f"check of {pictures:,} pictures in {classes:,} classes", f"{seconds:.0f} s"),
        Line("progress", f"told {told:,} times"),
        Line("memory above the start, at most", megabytes(peak), "300 MB"),
        Line("longest time in which it does not ask whether to go on", milliseconds(longest)),
        Line(
            f"cancelled at {len(CANCEL_AT)} moments: ended within",
            milliseconds(max(_cancelled_after(folder, wait) for wait in CANCEL_AT)),
            "1 s",
        ),
        Line("splits cut, first", cut.words()),
        Line("splits, at the form's next click", again.words()),
        Line("fingerprint", timed(lambda: found.fingerprint).words()),
        Line("name of the cache", timed(lambda: cache_key(splits.train, 256, "bilinear")).words()),
        Line("chart of pictures by class, to the browser", kilobytes(len(chart.to_json()))),
    ]


def _cancelled_after(folder: Path, seconds: float) -> float:
    """How long a check takes to end once it is cancelled, so long after its begin."""
    task = CheckInBackground(folder)
    task.wait(seconds)
    if task.finished:
        return 0.0
    start = time.perf_counter()
    task.cancel()
    assert task.wait(60)
    return time.perf_counter() - start

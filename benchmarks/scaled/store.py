"""A store of 2,000 runs with 20,000 points each: pages on it, and the memory of looking around."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.scaled import pages
from benchmarks.scaled.measure import Line, Timed, megabytes, memory, timed
from benchmarks.scaled.stores import many_runs
from delta_app.runs.opened import curves_of, opened
from delta_app.runs.records import RunRecord
from delta_app.runtime import prepare_process
from delta_app.services import runs

AGAIN = 5
LOOKED_AT = (50, 200, 600)


def measure(scratch: Path, share: float) -> list[Line]:
    """Ask the services, then run the pages, cold and again."""
    prepare_process()
    number, points = round(2000 * share), 20_000
    many_runs(scratch / "store", number, points).close()
    many_runs(scratch / "warm", 8, 2000).close()
    os.environ["XDG_DATA_HOME"] = str(scratch / "data")
    warm, folder = scratch / "warm", scratch / "store"
    records = opened(folder).runs()
    lines = [
        Line(f"store of {number:,} runs, {points:,} points each", _size(folder)),
        *_services(folder, records),
    ]
    pages.prepare()
    os.environ["DELTA_RUNS_DIR"] = str(warm)
    for page, query in _pages(runs.list_runs()):
        pages.open_page(page, **query)
    os.environ["DELTA_RUNS_DIR"] = str(folder)
    for page, query in _pages(records):
        app, *first = pages.open_page(page, **query)
        more = [pages.again(app) for _ in range(AGAIN)]
        once = Timed((first[0],), (first[1],))
        then = Timed(*zip(*more, strict=True))
        tab = f", {query['tab']}" if "tab" in query else ""
        wanted = "1 s" if page in ("run", "runs") else ""
        lines.append(
            Line(f"page {page}{tab}: opened; again", f"{once.words()}; {then.words()}", wanted)
        )
    lines.append(_looking_around(records))
    for each in (warm, folder):
        workers = runs.start_worker(each)
        workers.request_shutdown()
        workers.join(60)
    return lines


def _pages(records: list[RunRecord]) -> list[tuple[str, dict[str, str]]]:
    ids = [record.id for record in records if record.status.value == "completed"][:6]
    return [
        ("runs", {}),
        ("run", {"run": ids[0]}),
        ("run", {"run": ids[1], "tab": "Curves"}),
        ("start", {}),
        ("compare", {"runs": ",".join(ids[2:6])}),
        ("inspect", {}),
        ("attention", {}),
        ("fine_tune", {}),
    ]


def _services(folder: Path, records: list[RunRecord]) -> list[Line]:
    listed = timed(lambda: runs.list_runs(runs_dir=folder), AGAIN)
    ids = iter([record.id for record in records[-50:]])
    first = timed(lambda: runs.curves(next(ids), max_points=600, runs_dir=folder), 20)
    one = records[-1].id
    again = timed(lambda: runs.curves(one, max_points=600, runs_dir=folder), 20)
    return [
        Line("list of all runs", listed.words()),
        Line("curves of a run, first; again", f"{first.words()}; {again.words()}"),
    ]


def _looking_around(records: list[RunRecord]) -> Line:
    """Memory while many runs are opened one after the other, curves and all."""
    chosen = [record.id for record in records if record.status.value == "completed"][
        : LOOKED_AT[-1]
    ]
    app, *_ = pages.open_page("run", run=chosen[0], tab="Curves")
    told = []
    for place, run_id in enumerate(chosen, 1):
        app.query_params["run"] = run_id
        pages.again(app)
        if place in LOOKED_AT or place == len(chosen):
            told.append((place, memory()))
    growth = told[-1][1] - told[0][1]
    words = ", ".join(f"{megabytes(each)} after {place}" for place, each in told)
    kept = len(curves_of(opened(runs.get_run(chosen[0]).folder.parent))._runs)
    return Line(
        f"memory while {len(chosen)} runs are opened one after the other",
        f"{words}: {growth / 1e6:+.0f} MB; curves of {kept} are kept",
        "flat",
    )


def _size(folder: Path) -> str:
    return megabytes(sum(path.stat().st_size for path in folder.glob("store.sqlite*")))

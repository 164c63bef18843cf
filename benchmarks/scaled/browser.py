"""The app in a process of its own and a real browser: how long pages take, what they are sent."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, WebSocket, sync_playwright

from benchmarks.scaled.folders import many_pictures
from benchmarks.scaled.long import STEPS
from benchmarks.scaled.measure import Line, kilobytes
from benchmarks.scaled.stores import add_steps, long_run, many_runs
from delta_app.runs.folder import RunFolder
from delta_app.runs.locks import DeviceLock, own
from delta_app.runs.opened import opened
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.runs.store import RunStore

ROOT = Path(__file__).resolve().parents[2]
WATCHED_SECONDS = 20.0
TIMES = 5
_TABLE = ".st-key-runs_table_box canvas"
_CHART = ".st-key-run_loss .js-plotly-plot"
_CONFUSION = ".st-key-run_confusion .js-plotly-plot"


def measure(scratch: Path, share: float) -> list[Line]:
    """Open pages of a large store; watch runs that are long; open the form on a large folder."""
    number = round(2000 * share)
    many_runs(scratch / "store", number, 20_000).close()
    many_runs(scratch / "warm", 8, 2000).close()
    with sync_playwright() as playwright:
        chromium = playwright.chromium
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            lines = _pages(browser.new_page, scratch)
            for steps in STEPS:
                lines.append(_watched(browser.new_page, scratch, round(share * steps)))
            lines.append(_form(browser.new_page, scratch, share))
        finally:
            browser.close()
    return lines


def _pages(new_page: Any, scratch: Path) -> list[Line]:
    folder = scratch / "store"
    done = [run.id for run in opened(folder).runs() if run.status is RunStatus.COMPLETED]
    with _app(folder, scratch) as url:
        page, received = _listening(new_page)
        page.goto(f"{url}/fine-tune")  # what a first visit loads in any case
        page.get_by_text("Pictures").first.wait_for()
        lines = [
            _opened(page, received, "page runs", [f"{url}/runs"] * TIMES, _TABLE),
            _opened(
                page,
                received,
                "page run, curves, another run each time",
                [f"{url}/run?run={each}&tab=Curves" for each in done[:TIMES]],
                _CHART,
            ),
            _opened(
                page,
                received,
                "page run, another run each time",
                [f"{url}/run?run={each}" for each in done[TIMES : 2 * TIMES]],
                _CONFUSION,
            ),
        ]
        page.goto(f"{url}/runs")
        page.locator(_TABLE).first.wait_for()
        page.wait_for_timeout(3000)
        received.clear()
        page.wait_for_timeout(1000 * WATCHED_SECONDS)
        lines.append(
            Line(
                "page runs, nothing going on: received a second",
                kilobytes(sum(size for _, size in received) / WATCHED_SECONDS),
            )
        )
        page.close()
    return lines


def _opened(
    page: Page, received: list[tuple[float, int]], what: str, addresses: list[str], sign: str
) -> Line:
    """Seconds from the address to the sign that its contents stand, and bytes sent until then."""
    seconds, sizes = [], []
    for address in addresses:
        received.clear()
        start = time.perf_counter()
        page.goto(address)
        page.locator(sign).first.wait_for()
        seconds.append(time.perf_counter() - start)
        sizes.append(sum(size for _, size in received))
    return Line(
        f"{what}: from the address to its contents; received",
        f"{seconds[0]:.2f} s first, {statistics.median(seconds):.2f} s in the middle of "
        f"{len(seconds)}; {kilobytes(statistics.median(sizes))}",
    )


def _watched(new_page: Any, scratch: Path, steps: int) -> Line:
    """What a page is sent that watches a run of so many steps go on."""
    folder = scratch / "watched"
    store, run = long_run(folder, steps)
    with _going_on(store, run, steps), _app(folder, scratch) as url:
        page, received = _listening(new_page)
        page.goto(f"{url}/run?run={run.id}&tab=Curves")
        page.locator(_CHART).first.wait_for()
        page.wait_for_timeout(4000)
        received.clear()
        page.wait_for_timeout(1000 * WATCHED_SECONDS)
        sizes = [size for _, size in received]
        page.close()
    store.close()
    return Line(
        f"run of {steps:,} steps, watched for {WATCHED_SECONDS:.0f} s: received a second; "
        "largest message",
        f"{kilobytes(sum(sizes) / WATCHED_SECONDS)}; {kilobytes(max(sizes, default=0))}",
        "no growth",
    )


@contextmanager
def _going_on(store: RunStore, run: RunRecord, steps: int) -> Iterator[None]:
    """The run as one that another process works on, ten steps more each half second."""
    device, lock = DeviceLock(store.runs_dir, "cpu"), own(RunFolder(run.folder))
    assert lock is not None
    assert device.acquire("the benchmark")
    now = time.time()
    row = {"epochs": 1000, "steps": 1_000_000, "started_at": now, "phase": "training"}
    store.set_status(run.id, RunStatus.RUNNING, expected=RunStatus.QUEUED, owner="benchmark", **row)
    ended = threading.Event()

    def go_on() -> None:
        done = steps
        while not ended.wait(0.5):
            add_steps(store, run.id, done, done + 10)
            done += 10
            store.update(run.id, step=done, phase_done=done, phase_total=1_000_000)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        lock.release()
        device.release()


def _form(new_page: Any, scratch: Path, share: float) -> Line:
    """The Fine-tune form on a large folder: its check watched to its end, then one click."""
    folder = many_pictures(scratch / "pictures", round(1000 * share), round(100_000 * share))
    with _app(scratch / "warm", scratch) as url:
        page, received = _listening(new_page)
        page.set_default_timeout(600_000)
        page.goto(f"{url}/fine-tune?data={folder}")
        page.locator(".st-key-samples").first.wait_for()
        page.wait_for_timeout(2000)
        all_of_it, largest = sum(s for _, s in received), max(s for _, s in received)
        received.clear()
        page.get_by_role("button", name="Continue to backbone").click()
        page.wait_for_timeout(5000)
        click = sum(size for _, size in received)
        page.close()
    return Line(
        "form on the folder of pictures: received until it was checked; largest message; at a "
        "click",
        f"{kilobytes(all_of_it)}; {kilobytes(largest)}; {kilobytes(click)}",
    )


def _listening(new_page: Any) -> tuple[Page, list[tuple[float, int]]]:
    """A page, and the time and bytes of every message that its server sends it from now on."""
    page: Page = new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(120_000)
    received: list[tuple[float, int]] = []

    def on_socket(socket_: WebSocket) -> None:
        socket_.on("framereceived", lambda data: received.append((time.monotonic(), len(data))))

    page.on("websocket", on_socket)
    return page, received


@contextmanager
def _app(runs_dir: Path, scratch: Path) -> Iterator[str]:
    """The app on that folder; its address."""
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        port = listener.getsockname()[1]
    home = scratch / "home"
    command = [sys.executable, "-m", "delta_app", "app", "--no-browser", "--port", str(port)]
    with (scratch / "app.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--runs-dir", str(runs_dir)],
            cwd=ROOT,
            env={**os.environ, "XDG_DATA_HOME": str(home), "XDG_CACHE_HOME": str(home)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://localhost:{port}"
        for _ in range(600):
            with suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=5):
                break
            time.sleep(0.2)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(120)

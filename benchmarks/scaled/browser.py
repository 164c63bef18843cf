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

from playwright.sync_api import Locator, Page, WebSocket, sync_playwright

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
            lines = [
                line
                for folder in (scratch / "warm", scratch / "store")
                for line in _pages(browser.new_page, folder, scratch)
            ]
            lines += [_watched(browser.new_page, scratch, round(share * steps)) for steps in STEPS]
            lines.append(_form(browser.new_page, scratch, share))
        finally:
            browser.close()
    return lines


def _pages(new_page: Any, folder: Path, scratch: Path) -> list[Line]:
    with _app(folder, scratch) as url:
        page, received = _listening(new_page)
        page.goto(url)
        runs_link = page.locator("[data-testid=stSidebarNav] a", has_text="Runs")
        run_links = page.locator(".st-key-earlier a")
        listed = [_clicked(page, received, url, runs_link, _TABLE) for _ in range(TIMES)]
        opened_ = [
            _clicked(page, received, url, run_links.nth(place), _CONFUSION)
            for place in range(TIMES)
        ]
        page.goto(f"{url}/runs")
        page.locator(_TABLE).first.wait_for()
        page.wait_for_timeout(3000)
        received.clear()
        page.wait_for_timeout(1000 * WATCHED_SECONDS)
        quiet = sum(received) / WATCHED_SECONDS
        page.close()
    of = f"of {len(opened(folder).runs()):,} runs"
    what = "from a click to its contents; received"
    return [
        Line(f"page runs {of}: {what}", _in_the_middle(listed), "1 s"),
        Line(f"page run {of}: {what}", _in_the_middle(opened_), "1 s"),
        Line(f"page runs {of}, nothing going on: received a second", kilobytes(quiet)),
    ]


def _clicked(
    page: Page, received: list[int], url: str, link: Locator, sign: str
) -> tuple[float, int]:
    """Seconds from a click on the Start page to the sign, and bytes sent until then."""
    page.goto(url)
    link.wait_for()
    page.wait_for_timeout(1500)
    received.clear()
    start = time.perf_counter()
    link.click()
    page.locator(sign).first.wait_for()
    return time.perf_counter() - start, sum(received)


def _in_the_middle(clicks: list[tuple[float, int]]) -> str:
    seconds, sizes = zip(*clicks, strict=True)
    return (
        f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f}); "
        f"{kilobytes(statistics.median(sizes))}"
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
        sizes = [*received]
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
        all_of_it, largest = sum(received), max(received)
        received.clear()
        page.get_by_role("button", name="Continue to backbone").click()
        page.wait_for_timeout(5000)
        click = sum(received)
        page.close()
    return Line(
        "form on the folder of pictures: received until it was checked; largest message; at a "
        "click",
        f"{kilobytes(all_of_it)}; {kilobytes(largest)}; {kilobytes(click)}",
    )


def _listening(new_page: Any) -> tuple[Page, list[int]]:
    """A page, and the bytes of every message that its server sends it from now on."""
    page: Page = new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(120_000)
    received: list[int] = []

    def on_socket(socket_: WebSocket) -> None:
        socket_.on("framereceived", lambda data: received.append(len(data)))

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

"""Runs small enough for tests: drawn pictures, a small network, few steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from drawn import draw_folder
from small_runs import SMALL

from delta_app.training.observer import Request, Silent
from delta_app.training.run_config import RunConfig


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("drawn") / "shapes")


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTA_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def config(pictures: Path) -> Callable[..., RunConfig]:
    """Settings name=value -> a config; by default two epochs of a tiny ShuffleNet on the CPU."""
    small = {"data": str(pictures)} | SMALL

    def build(method: str, **settings: Any) -> RunConfig:
        return RunConfig.from_flat(small | {"method": method} | settings)

    return build


class Watcher(Silent):
    """Keeps all that a run says."""

    def __init__(self) -> None:
        self.measured: list[tuple[int, dict[str, float]]] = []
        self.known: dict[str, object] = {}
        self.said: list[str] = []
        self.phases: list[tuple[str, int, int | None, str]] = []

    def phase(self, name: str, done: int, total: int | None, detail: str = "") -> None:
        self.phases.append((name, done, total, detail))

    def metrics(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        self.measured.append((step, dict(values)))

    def event(self, level: str, message: str) -> None:
        self.said.append(message)

    def facts(self, values: Mapping[str, object]) -> None:
        self.known |= values

    def settle(self) -> int | None:
        return len(self.measured)

    def rewind(self, told: int) -> None:
        del self.measured[told:]

    def series(self, name: str) -> list[float]:
        return [values[name] for _, values in self.measured if name in values]


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


class After:
    """A control that asks for something once it was asked so many times in training."""

    def __init__(self, watcher: Watcher, steps: int, request: Request) -> None:
        self.watcher = watcher
        self.steps = steps
        self.wanted = request

    def request(self) -> Request:
        trained = sum(
            name == "training" and not detail for name, _, _, detail in self.watcher.phases
        )
        return self.wanted if trained >= self.steps else "run"


@pytest.fixture
def after(watcher: Watcher) -> Callable[[int, Request], After]:
    return lambda steps, request: After(watcher, steps, request)

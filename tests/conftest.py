"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from given_data import data_folder
from hypothesis import HealthCheck, settings

# The same examples each time, and no clock: the machine may be busy.
settings.register_profile(
    "quick",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("quick")


@pytest.fixture(autouse=True, scope="session")
def all_may_be_read() -> Iterator[None]:
    """Tests lie outside the home folder; those about what may be read set the roots themselves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DELTA_ROOTS", Path(__file__).anchor)
        yield


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of real photographs and weights; tests that need it are skipped where it is absent."""
    folder = data_folder()
    if not (folder / "datasets").is_dir():
        pytest.skip(f"no test data in {folder}: set DELTA_TEST_DATA to a folder that holds it")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests for CUDA run where there is a CUDA device."""
    if torch.cuda.is_available():
        return
    skip = pytest.mark.skip(reason="no CUDA device that torch can use")
    for item in items:
        if item.get_closest_marker("cuda"):
            item.add_marker(skip)

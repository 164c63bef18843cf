"""Where the real photographs and weights lie that some tests are made on."""

from __future__ import annotations

import os
from pathlib import Path


def data_folder() -> Path:
    """DELTA_TEST_DATA, else shared/data beside the project; it may not be there."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("DELTA_TEST_DATA", beside))

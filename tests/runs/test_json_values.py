from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from delta_app.runs.json_values import plain_json


def test_values_become_what_json_can_hold() -> None:
    values = {
        "n": np.int64(3),
        "share": np.float32(0.5),
        "nan": math.nan,
        "inf": -math.inf,
        "yes": True,
        "layers": ("a", "b"),
        1: {"path": Path("/x")},
        "none": None,
    }
    plain = plain_json(values)
    assert plain == {
        "n": 3,
        "share": 0.5,
        "nan": None,
        "inf": None,
        "yes": True,
        "layers": ["a", "b"],
        "1": {"path": "/x"},
        "none": None,
    }
    assert plain["yes"] is True
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain

"""A look at the process sees whatever is left behind."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.footprint import footprint


@pytest.mark.slow
def test_it_sees_each_thing_that_is_left_behind(tmp_path: Path) -> None:
    ends = threading.Event()
    before = asdict(footprint())
    thread = threading.Thread(target=ends.wait)
    thread.start()
    file = (tmp_path / "open").open("wb")
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    network[0].register_forward_hook(lambda module, inputs, output: None)
    network[1].register_full_backward_hook(lambda module, grad_in, grad_out: None)
    batch = torch.zeros(1000)
    views = [batch[:10], batch[10:]]  # one storage
    connection = sqlite3.connect(":memory:")
    try:
        after = asdict(footprint())
    finally:
        ends.set()
        thread.join()
        file.close()
        connection.close()
    more = {name: after[name] - before[name] for name in before if name != "rss"}
    assert more == {
        "threads": 1,
        "files": 1,
        "hooks": 2,
        "tensors": 4000 + 4 * (2 * 2 + 2),
        "modules": 3,
        "connections": 1,
    }
    assert len(views) == 2
    assert before["rss"] > 10_000_000
    del network, batch, views, connection
    left = asdict(footprint())
    assert {name: left[name] - before[name] for name in more} == dict.fromkeys(more, 0)

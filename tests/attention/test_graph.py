"""Tracing beside other threads: it replaces what every module's call goes through."""

from __future__ import annotations

import threading

import torch
from torch import Tensor, nn

from delta_app.attention.graph import NotTraceable, trace
from delta_app.models.construction import meta_network


def test_other_threads_run_their_networks_while_one_traces() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).eval()
    images = torch.randn(2, 3, 8, 8)
    expected = net(images)
    over, went_wrong, forwards = threading.Event(), [], 0

    def run() -> None:
        nonlocal forwards
        while not over.is_set():
            try:
                assert torch.equal(net(images), expected)
            except Exception as error:  # whatever a patched call may raise
                went_wrong.append(error)
                return
            forwards += 1

    def trace_some() -> None:
        for _ in range(3):
            trace(meta_network("resnet18"), ("layer1.0.conv2", "layer4.1.conv2"))

    call = nn.Module.__call__
    threads = [threading.Thread(target=t) for t in (run, trace_some, trace_some)]
    for thread in threads:
        thread.start()
    for thread in threads[1:]:
        thread.join()
    over.set()
    threads[0].join()
    assert not went_wrong
    assert forwards > 0
    assert nn.Module.__call__ is call


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x) if x.sum() > 0 else self.fc(-x)


def test_a_trace_that_fails_leaves_every_call_as_it_was() -> None:
    call = nn.Module.__call__
    try:
        trace(Branches(), ("fc",))
    except NotTraceable:
        assert nn.Module.__call__ is call
    else:
        raise AssertionError("a branch on values was traced")

"""Training from the cache in memory and from its file: the rates, in turns in one process."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.scaled.measure import Line
from delta_app.data import cache_file
from delta_app.data.batches import Batch, TrainBatches
from delta_app.data.cache import PictureCache
from delta_app.models.build import build_source, build_target
from delta_app.runtime import prepare_process

SIZE, CROP, BATCH = 256, 224, 32
PICTURES = 12_000  # 2.4 GB
CLASSES = 10
TURNS = 7
LOADED, TRAINED = 1_600, 160  # pictures a turn
BACKBONE = "shufflenet_v2_x0_5"  # the quickest: nothing waits less for its pictures
WANTED = 0.8


def measure(scratch: Path, share: float) -> list[Line]:
    """Load and train in turns from memory, from the file, and from the file pushed out to disk."""
    prepare_process()
    shape = (max(LOADED, round(PICTURES * share)), SIZE, SIZE, 3)
    path = scratch / "cache.pictures"
    if cache_file.read(path, shape, in_memory=False) is None:
        cache_file.build(path, shape, _drawn(shape[0]), in_memory=False)
    keys = torch.arange(shape[0])
    pixels = cache_file.read(path, shape, in_memory=True)
    assert pixels is not None
    in_memory = PictureCache(pixels, keys, in_memory=True)
    step = _step()

    def train(batch: Batch) -> None:
        step(batch.images, batch.labels)

    lines = [Line("pictures, decoded", f"{shape[0]:,} of {SIZE} px, {pixels.nbytes / 1e9:.1f} GB")]
    for words, evicted in (("the file", False), ("the file, pushed out of memory", True)):
        for what, work, number in (("loaded", _touch, LOADED), ("trained", train, TRAINED)):
            memory_rates, file_rates = [], []
            for turn in range(TURNS):
                memory_rates.append(_rate(in_memory, work, number, turn))
                mapped = _mapped(path, shape, keys, evicted=evicted)
                file_rates.append(_rate(mapped, work, number, turn))
            ratios = [f / m for f, m in zip(file_rates, memory_rates, strict=True)]
            wanted = f"{WANTED}" if what == "trained" and not evicted else ""
            lines.append(
                Line(
                    f"pictures {what} a second: memory; {words}; ratio",
                    f"{statistics.median(memory_rates):.0f}; {statistics.median(file_rates):.0f}; "
                    f"{statistics.median(ratios):.2f}",
                    wanted,
                )
            )
    return lines


def _mapped(
    path: Path, shape: tuple[int, int, int, int], keys: Tensor, *, evicted: bool
) -> PictureCache:
    """The cache mapped from its file; pushed out to the disk first where asked."""
    if evicted:
        with path.open("rb") as file:  # not mapped now: the system lets go of no page that is
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    pixels = cache_file.read(path, shape, in_memory=False)
    assert pixels is not None
    return PictureCache(pixels, keys, in_memory=False)


def _rate(cache: PictureCache, work: Callable[[Batch], None], number: int, turn: int) -> float:
    """Pictures a second of an epoch's first batches, another epoch each turn."""
    batches = TrainBatches(
        cache,
        torch.arange(len(cache)) % CLASSES,
        batch_size=BATCH,
        crop=CROP,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        seed=0,
        device="cpu",
        channels_last=True,
    )
    chosen = batches.indices(turn)[: number // BATCH]
    start = time.perf_counter()
    for indices in chosen:
        work(batches.batch(turn, indices))
    return len(chosen) * BATCH / (time.perf_counter() - start)


def _touch(batch: Batch) -> None:
    batch.images[0, 0, 0, 0].item()


def _step() -> Callable[[Tensor, Tensor], None]:
    """One step of plain fine-tuning."""
    source = build_source(BACKBONE, "random")
    target = build_target(source, CLASSES, torch.Generator().manual_seed(0))
    network = target.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)

    def step(images: Tensor, labels: Tensor) -> None:
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def _drawn(number: int) -> Iterator[np.ndarray]:
    random = np.random.default_rng(0)
    for _ in range(number):
        yield random.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)

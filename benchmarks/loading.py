"""Training pictures a second: the cache against torchvision's ImageFolder with a DataLoader.

    python -m benchmarks.loading [--epochs 4] [--batch-size 32] [--size 128]

Both give square training crops of --size px from pictures resized to size * 256 / 224, mirrored
one time in two, normalised, as float32 batches. The cache decodes once, in the first epoch; the
DataLoader decodes in two worker processes, kept alive between epochs. What counts is the second
epoch on, in one process and in turns, so that other work on the machine meets both. The
pictures are dtd10's of DELTA_TEST_DATA, or drawn here where that is absent.

The ratio should be 5 at least.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from delta_app.config import DataSettings
from delta_app.data.batches import TrainBatches
from delta_app.data.cache import PictureCache
from delta_app.data.check import check_folder
from delta_app.data.splits import make_splits

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WORKERS = 2
TARGET = 5.0


def pictures_folder(scratch: Path) -> Path:
    """dtd10 where it is, else drawn photographs of like size: 10 classes of 28."""
    here = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("DELTA_TEST_DATA", here / "shared" / "data"))
    dataset = folder / "datasets" / "dtd10"
    return dataset if dataset.is_dir() else drawn(scratch / "drawn")


def drawn(folder: Path) -> Path:
    """Blurred noise saved as JPEG: about as many bytes a pixel as photographs."""
    random = np.random.default_rng(0)
    for label in range(10):
        (folder / f"class {label}").mkdir(parents=True)
        for number in range(28):
            noise = random.integers(0, 256, (64, 72, 3), dtype=np.uint8)
            image = Image.fromarray(noise).resize((288, 256), Image.Resampling.BICUBIC)
            image.save(folder / f"class {label}" / f"{number}.jpg", quality=90)
    return folder


def cache_epochs(folder: Path, scratch: Path, size: int, batch_size: int) -> Iterator[float]:
    """Seconds of each epoch of the cache's training batches; the first decodes."""
    settings = DataSettings(data=str(folder), val_fraction=0, test_fraction=0)
    train = make_splits(check_folder(folder), settings).train
    start = time.perf_counter()
    cache = PictureCache.open(
        train,
        size=round(size * 256 / 224),
        interpolation="bilinear",
        folder=scratch / "cache",
        memory_budget=10**9,
    )
    batches = TrainBatches(
        cache,
        [picture.label for picture in train],
        batch_size=batch_size,
        crop=size,
        mean=MEAN,
        std=STD,
        seed=0,
        device="cpu",
        channels_last=True,
    )
    epoch = 0
    while True:
        consume((batch.images, batch.labels) for batch in batches.batches(epoch))
        yield time.perf_counter() - start
        epoch += 1
        start = time.perf_counter()


def torchvision_epochs(folder: Path, size: int, batch_size: int) -> Iterator[float]:
    """Seconds of each epoch of ImageFolder behind a DataLoader of two workers."""
    resize = round(size * 256 / 224)
    transform = transforms.Compose(
        [
            transforms.Resize((resize, resize)),
            transforms.RandomCrop(size),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    train = folder / "train"
    dataset = ImageFolder(str(train if train.is_dir() else folder), transform)
    loader = DataLoader(
        dataset, batch_size, shuffle=True, num_workers=WORKERS, persistent_workers=True
    )
    while True:
        start = time.perf_counter()
        consume(iter(loader))
        yield time.perf_counter() - start


def consume(batches: Iterator[tuple[Tensor, Tensor]]) -> None:
    """Take every batch, and touch it, as a step would."""
    for images, labels in batches:
        images[0, 0, 0, 0].item()
        labels[0].item()


def main() -> None:
    """Measure both in turns and print pictures a second and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=4, help="at least 2")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--size", type=int, default=128)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        folder = pictures_folder(scratch)
        train = folder / "train" if (folder / "train").is_dir() else folder
        number = sum(1 for path in train.rglob("*") if path.is_file())
        print(
            f"{number} pictures of {folder}, {options.size} px, {torch.get_num_threads()} threads"
        )
        ours = cache_epochs(folder, scratch, options.size, options.batch_size)
        theirs = torchvision_epochs(folder, options.size, options.batch_size)
        seconds = [(next(ours), next(theirs)) for _ in range(max(2, options.epochs))]
        for epoch, pair in enumerate(seconds):
            cache, loader = (number / each for each in pair)
            print(f"epoch {epoch}: cache {cache:8.0f}/s, DataLoader {loader:8.0f}/s")
        cache, loader = (number / median(each) for each in zip(*seconds[1:], strict=True))
        print(
            f"from the second epoch on: cache {cache:.0f}/s, DataLoader with {WORKERS} workers "
            f"{loader:.0f}/s, ratio {cache / loader:.1f} (target {TARGET:.0f})"
        )


if __name__ == "__main__":
    main()

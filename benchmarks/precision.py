"""How well filter importances are known, by layer, on two small photograph datasets.

    python -m benchmarks.precision [--datasets dtd10 flowers10] [--threads 1]

MobileNetV2 from the weights file of DELTA_TEST_DATA, 128 px, no validation split; one head a
dataset, trained as the attention's is. Every filter's importance is measured exactly and to first
order on every training picture; what fewer pictures, or both together, would have told is then
drawn from these values, many times over:

- four batches of 32 pictures, the authors' choice: reliability and split-half correlation, and the
  rank correlation with the importance on all pictures;
- all pictures;
- both together at the cost of four batches, and what they cost to reach the standard error of
  four batches, as a share of the authors' loop on these.

Times are of this run: engine, first order and loop's forward alternate.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.results import SHARED
from delta_app.attention.ablation import ImportanceEngine
from delta_app.attention.first_order import first_order_importance
from delta_app.attention.head import train_head
from delta_app.attention.precision import (
    combined_estimate,
    plain_estimate,
    rank_correlation,
    reliability,
    split_half_correlation,
    with_mean,
)
from delta_app.models.build import build_target
from delta_app.runtime import prepare_process
from delta_app.training.observer import Silent, Unstoppable
from delta_app.training.preparation import Caches, prepare_networks, prepare_pictures
from delta_app.training.run_config import RunConfig
from delta_app.training.threads import cpu_threads

BATCH, BATCHES, DRAWS = 32, 4, 200


@dataclass(frozen=True)
class Measured:
    """Every filter on every training picture; (C, N) by layer, float64.

    Attributes:
        exact_seconds, first_order_seconds: of one picture, all filters.
        loop_seconds: of one picture and one filter, by a full forward.
    """

    exact: dict[str, Tensor]
    first_order: dict[str, Tensor]
    exact_seconds: float
    first_order_seconds: float
    loop_seconds: float

    @property
    def filters(self) -> int:
        return sum(len(values) for values in self.exact.values())

    @property
    def pictures(self) -> int:
        return next(iter(self.exact.values())).shape[1]


def measure(data: Path, dataset: str, threads: int) -> Measured:
    config = RunConfig.from_flat(
        SHARED
        | {
            "method": "delta",
            "data": str(data / "datasets" / dataset),
            "backbone": "mobilenet_v2",
            "weights": str(data / "weights" / "mobilenet_v2_imagenet_unfolded.pth"),
            "val_fraction": 0.0,
        }
    )
    with cpu_threads(threads), tempfile.TemporaryDirectory() as folder:
        observer, control = Silent(), Unstoppable()
        pictures = prepare_pictures(config, Path(folder), observer, control)
        networks = prepare_networks(config, len(pictures.splits.classes), observer)
        caches = Caches(config, pictures, networks.preprocessing, observer, control)
        settings = config.attention
        generator = torch.Generator().manual_seed(settings.attention_seed)
        model = build_target(networks.source, len(pictures.splits.classes), generator)
        model.to(memory_format=torch.channels_last)
        crops = caches.train(settings.attention_batch_size, settings.attention_seed)
        train_head(
            model,
            lambda epoch: ((b.images, b.labels) for b in crops.batches(epoch)),
            epochs=settings.head_epochs,
            lr=settings.attention_head_lr,
        )
        batches = [(b.images, b.labels) for b in caches.plain(pictures.splits.train, BATCH)]
        return _measure(model, networks.layers, batches)


def _measure(
    model: nn.Module, layers: tuple[str, ...], batches: list[tuple[Tensor, Tensor]]
) -> Measured:
    engine = ImportanceEngine(model, layers)
    exact: list[dict[str, Tensor]] = []
    first_order: list[dict[str, Tensor]] = []
    times: dict[str, list[float]] = {"exact": [], "first order": [], "loop": []}
    for images, labels in batches:

        def loop(images: Tensor = images, labels: Tensor = labels) -> None:
            with torch.no_grad():
                F.cross_entropy(model(images), labels)

        def by_engine(images: Tensor = images, labels: Tensor = labels) -> None:
            exact.append(engine.measure(images, labels))

        def by_slope(images: Tensor = images, labels: Tensor = labels) -> None:
            first_order.append(first_order_importance(model, layers, images, labels))

        for name, call in (("loop", loop), ("exact", by_engine), ("first order", by_slope)):
            started = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - started) / len(labels))
    return Measured(
        {layer: torch.cat([part[layer] for part in exact], dim=1) for layer in layers},
        {layer: torch.cat([part[layer] for part in first_order], dim=1) for layer in layers},
        *(statistics.median(times[name]) for name in ("exact", "first order", "loop")),
    )


def report(dataset: str, found: Measured) -> str:
    """Two tables in Markdown."""
    few = BATCH * BATCHES
    loop = found.loop_seconds * found.filters * few
    exact = found.exact_seconds * few
    slopes = found.first_order_seconds * found.pictures
    same_cost = min(found.pictures, max(2, round((exact - slopes) / found.exact_seconds)))
    lines = [
        f"### {dataset}: {found.pictures} training pictures, {found.filters} filters",
        "",
        f"Seconds for four batches of 32: loop {loop:.0f}, exact engine {exact:.1f} "
        f"({loop / exact:.1f} times as fast); first order on all pictures {slopes:.1f}. At the "
        f"cost of the four batches both together take first order on all and {same_cost} exact.",
        "",
        "| layer | filters | 4 batches: reliability | split-half | rank correlation with all "
        "| all: reliability | split-half | both together: reliability "
        "| split-half | rank correlation with all |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [_precision(found, layer, few, same_cost) for layer in found.exact]
    lines += [
        "",
        "| layer | correlation of first order and exact | pictures measured exactly for the error "
        "of 4 batches | seconds | share of the loop's time |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [_cost(found, layer, few, slopes, loop) for layer in found.exact]
    return "\n".join(lines)


def _precision(found: Measured, layer: str, few: int, same_cost: int) -> str:
    exact, slopes = found.exact[layer], found.first_order[layer]
    whole = exact.mean(dim=1)
    generator = torch.Generator().manual_seed(0)
    rows = []
    for _ in range(DRAWS):
        some = torch.randperm(found.pictures, generator=generator)[:few]
        alone = plain_estimate(exact[:, some])
        sample = some[:same_cost]
        both = combined_estimate(slopes, exact[:, sample], sample)
        rows.append(
            (
                reliability(plain_estimate(with_mean(exact[:, some]))),
                split_half_correlation(exact[:, some], generator),
                rank_correlation(alone.importance, whole),
                reliability(
                    combined_estimate(with_mean(slopes), with_mean(exact[:, sample]), sample)
                ),
                combined_halves(slopes, exact[:, sample], sample, generator),
                rank_correlation(both.importance, whole),
            )
        )
    of_few, halves, with_all, of_both, both_halves, both_with_all = (
        statistics.mean(column) for column in zip(*rows, strict=True)
    )
    all_halves = statistics.mean(split_half_correlation(exact, generator) for _ in range(DRAWS))
    return (
        f"| {layer} | {len(exact)} | {of_few:.2f} | {halves:.2f} | {with_all:.2f} "
        f"| {reliability(plain_estimate(with_mean(exact))):.2f} | {all_halves:.2f} "
        f"| {of_both:.2f} | {both_halves:.2f} | {both_with_all:.2f} |"
    )


def combined_halves(
    slopes: Tensor, exact: Tensor, sample: Tensor, generator: torch.Generator
) -> float:
    """Rank correlation of the combined estimates from two random halves of all pictures, each with
    its own pictures' first order and its own part of the sample; shapes as `combined_estimate`."""
    estimates = []
    for half in torch.randperm(slopes.shape[1], generator=generator).chunk(2):
        mine = torch.isin(sample, half)
        places = (half == sample[mine].unsqueeze(1)).int().argmax(dim=1)
        estimates.append(combined_estimate(slopes[:, half], exact[:, mine], places).importance)
    return rank_correlation(*estimates)


def _cost(found: Measured, layer: str, few: int, slopes: float, loop: float) -> str:
    exact, of_all = found.exact[layer], found.first_order[layer]
    wanted = float(exact.var(dim=1).mean()) / few
    correlation = float(
        torch.stack(
            [torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(exact, of_all, strict=True)]
        )
        .nan_to_num()
        .median()
    )
    variance = exact.var(dim=1).mean() / found.pictures
    of_difference = float((exact - of_all).var(dim=1).mean())
    left = wanted - float(variance)
    needed = 1 / (left / of_difference + 1 / found.pictures)
    sample = max(2, -(-needed // 1))
    seconds = slopes + sample * found.exact_seconds
    return (
        f"| {layer} | {correlation:.2f} | {sample:.0f} | {seconds:.1f} | 1/{loop / seconds:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("DELTA_TEST_DATA"))
    parser.add_argument("--datasets", nargs="+", default=("dtd10", "flowers10"))
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    prepare_process()
    data = Path(arguments.data or Path(__file__).resolve().parents[2] / "shared" / "data")
    for dataset in arguments.datasets:
        print(report(dataset, measure(data, dataset, arguments.threads)), end="\n\n", flush=True)


if __name__ == "__main__":
    main()

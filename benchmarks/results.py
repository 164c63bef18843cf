"""Fine-tune on two small photograph datasets by every method and write what was measured.

    python -m benchmarks.results --out FOLDER run        trains what is not there yet
    python -m benchmarks.results --out FOLDER table      prints the tables of docs/results.md

MobileNetV2 from the weights file of DELTA_TEST_DATA, 128 px, batch 32, learning rate 0.005,
x0.1 after 10 of 15 epochs, alpha and beta 0.01 (feature_map: alpha 1e-4), seeds 0-2; once
without a validation split (the last epoch counts) and once with one (it picks the epoch). A run
that is there already is not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from delta_app.regularizers import all_variants
from delta_app.runtime import prepare_process
from delta_app.training.loop import run_training
from delta_app.training.observer import Silent, Unstoppable
from delta_app.training.run_config import RunConfig

DATASETS = ("dtd10", "flowers10")
SEEDS = (0, 1, 2)
VAL_FRACTIONS = (0.0, 0.2)
SHARED = {
    "image_size": 128,
    "batch_size": 32,
    "lr": 0.005,
    "epochs": 15,
    "device": "cpu",
    "threads": 1,
}
PROBE = {"epochs": 10, "lr": 0.01, "schedule": "exponential", "decay": 0.1 ** (10 / 6)}
"""The linear probe is trained as the head of the attention is."""

VARIANTS: dict[str, dict[str, Any]] = {
    "linear_probe": {"method": "linear_probe"} | PROBE,
    "l2": {"method": "l2"},
    "l2_sp": {"method": "l2_sp"},
    "feature_map": {"method": "feature_map"},
    "delta_uniform": {"method": "delta", "attention": "uniform"},
    "delta": {"method": "delta", "attention": "learned"},
}
REFERENCE = {
    ("dtd10", "linear_probe"): "66.7 ± 2.0",
    ("dtd10", "l2"): "70.5 ± 1.0",
    ("dtd10", "l2_sp"): "70.3 ± 1.2",
    ("dtd10", "delta_uniform"): "71.5 ± 0.6",
    ("dtd10", "delta"): "71.9 ± 0.6",
    ("flowers10", "linear_probe"): "72.6 ± 1.9",
    ("flowers10", "l2"): "71.0 ± 0.8",
    ("flowers10", "l2_sp"): "71.6 ± 0.8",
    ("flowers10", "delta_uniform"): "74.0 ± 2.0",
    ("flowers10", "delta"): "73.8 ± 2.0",
}
"""A plain loop after the authors' code at the same settings, without validation."""
DROPOUT_OFF = ("l2", "l2_sp", "delta_uniform", "delta")
"""Run once more without the dropout that MobileNetV2 has before its head."""


@dataclass(frozen=True)
class Cell:
    """One run of the plan."""

    dataset: str
    val_fraction: float
    variant: str
    seed: int
    dropout: float | None = None

    @property
    def name(self) -> str:
        off = "" if self.dropout is None else f"-dropout{self.dropout:g}"
        return f"{self.dataset}-val{self.val_fraction:g}-{self.variant}{off}-seed{self.seed}"

    def config(self, data: Path) -> RunConfig:
        return RunConfig.from_flat(
            SHARED
            | {
                "data": str(data / "datasets" / self.dataset),
                "backbone": "mobilenet_v2",
                "weights": str(data / "weights" / "mobilenet_v2_imagenet_unfolded.pth"),
                "val_fraction": self.val_fraction,
                "seed": self.seed,
            }
            | ({} if self.dropout is None else {"dropout": self.dropout})
            | VARIANTS[self.variant]
        )


def plan() -> list[Cell]:
    """Seed after seed, so that a broken-off plan still has every method."""
    main = [
        Cell(dataset, val, variant, seed)
        for val in VAL_FRACTIONS
        for seed in SEEDS
        for dataset in DATASETS
        for variant in VARIANTS
    ]
    return main + dropout_off()


def dropout_off() -> list[Cell]:
    """The runs without dropout, no validation."""
    return [Cell(d, 0.0, v, s, 0.0) for d in DATASETS for s in SEEDS for v in DROPOUT_OFF]


def run_missing(cells: list[Cell], data: Path, out: Path) -> None:
    """Train every one of these runs that has no result yet."""
    for cell in cells:
        folder = out / cell.name
        if (folder / "seconds.json").is_file():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        result = run_training(cell.config(data), folder, Silent(), Unstoppable())
        seconds = time.monotonic() - started
        (folder / "seconds.json").write_text(json.dumps(seconds))
        print(f"{cell.name}: test {result.test_top1:.4f} in {seconds:.0f} s", flush=True)


def table(out: Path, val_fraction: float, dropout: float | None = None) -> str:
    """Markdown: mean and standard deviation over seeds, by dataset and method."""
    labels = {v.key: v.label for v in all_variants()}
    lines = [
        "| dataset | method | test top-1, % | validation top-1, % | reference, % | seconds a run |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for dataset in DATASETS:
        for variant in VARIANTS:
            folders = [out / Cell(dataset, val_fraction, variant, s, dropout).name for s in SEEDS]
            done = [f for f in folders if (f / "seconds.json").is_file()]
            if not done:
                continue
            results = [json.loads((f / "result.json").read_text()) for f in done]
            seconds = [json.loads((f / "seconds.json").read_text()) for f in done]
            reference = REFERENCE.get((dataset, variant), "") if val_fraction == 0 else ""
            lines.append(
                f"| {dataset} | {labels[variant]} | {spread([r['test_top1'] for r in results])} | "
                f"{spread([r['val_top1'] for r in results])} | {reference} | "
                f"{' / '.join(f'{s:.0f}' for s in seconds)} |"
            )
    return "\n".join(lines)


def spread(shares: list[float | None]) -> str:
    """Mean and sample standard deviation in percent, and how many there are."""
    values = [100 * s for s in shares if s is not None]
    if not values:
        return ""
    if len(values) == 1:
        return f"{values[0]:.1f} (1 seed)"
    return f"{mean(values):.1f} ± {stdev(values):.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["run", "run-dropout-off", "table"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DELTA_TEST_DATA", ".")))
    arguments = parser.parse_args()
    if arguments.what != "table":
        prepare_process()
        cells = plan() if arguments.what == "run" else dropout_off()
        run_missing(cells, arguments.data.resolve(), arguments.out)
        return
    for val_fraction in VAL_FRACTIONS:
        print(f"\nValidation share {val_fraction:g}\n\n{table(arguments.out, val_fraction)}")
    print(f"\nWithout validation and dropout\n\n{table(arguments.out, 0.0, 0.0)}")


if __name__ == "__main__":
    main()

"""What exact filter importance costs, as ratios within one run of this script.

    python -m benchmarks.importance [--backbones resnet50 ...] [--size 224] [--batch 32]

For each backbone, in a process of its own: seconds for all filters of all behaviour layers on one
batch,

- by the authors' loop: one full forward a filter (no_grad given to it, and the faster of torch's
  two layouts), timed on a few forwards and multiplied by the filters;
- by the exact engine, timed on a sample of each layer's filters and multiplied;
- to first order, in full;
- by both together, with every eighth picture measured exactly: the sum of their shares.

They alternate, so that a busy machine slows all alike. Beside the ratio stands the limit that the
tail's own arithmetic sets (`tail_operations`), and the largest difference between the loop's and
the engine's importances in float32, relative to the layer's largest. Weights are random: the cost
does not hang on them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.tail_operations import count_operations
from delta_app.attention.ablation import ImportanceEngine
from delta_app.attention.first_order import first_order_importance
from delta_app.models.behaviour_layers import default_behaviour_layers
from delta_app.models.build import build_source
from delta_app.models.feature_maps import layer_channels
from delta_app.runtime import prepare_process

BACKBONES = (
    "resnet50",
    "resnet18",
    "mobilenet_v2",
    "vgg16_bn",
    "densenet121",
    "efficientnet_b0",
    "convnext_tiny",
)
EXACT_ONE_IN = 8
"""Pictures of which one is measured exactly, where both estimators go together."""

COMPARED = 4
"""Filters a layer whose importances by both ways are compared."""


def timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def peak_memory(call: Callable[[], object]) -> float:
    """Largest resident memory of this process during a call, in MB (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")
    call()
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1000


PRODUCTS = ("convolution", "conv2d", "addmm", "baddbmm", "bmm", "mm", "linear")


def share_of_products(call: Callable[[], object]) -> float:
    """How much of a call's time goes into convolutions and matrix products, 0 to 1.

    The limit counts these alone; the rest is passes over memory, in the loop as in the engine.
    """
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        call()
    events = profiler.key_averages()
    total = sum(event.self_cpu_time_total for event in events)
    products = [e for e in events if e.key.removeprefix("aten::").endswith(PRODUCTS)]
    return sum(event.self_cpu_time_total for event in products) / total


class Loop:
    """The authors' way: everything again for every filter."""

    def __init__(self, model: nn.Module, images: Tensor, labels: Tensor) -> None:
        self._model, self._images, self._labels = model, images, labels

    @torch.no_grad()
    def loss(self) -> Tensor:
        logits = self._model(self._images).double()
        return F.cross_entropy(logits, self._labels, reduction="none")

    def loss_without(self, layer: str, channel: int) -> Tensor:
        """By picture, with one filter disabled."""
        module = self._model.get_submodule(layer)

        def disable(m: nn.Module, i: object, output: Tensor) -> Tensor:
            output.select(3 if isinstance(m, nn.Linear) else 1, channel).zero_()
            return output

        handle = module.register_forward_hook(disable)
        try:
            return self.loss()
        finally:
            handle.remove()


@torch.no_grad()
def settle(model: nn.Module, images: Tensor) -> None:
    """Let a random network hear its filters: importances of nothing but rounding compare nothing.

    One pass in train mode tells each BatchNorm what it will hear; ConvNeXt scales its blocks by
    1e-6 at first.
    """
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    for name, parameter in model.named_parameters():
        if name.endswith("layer_scale"):
            parameter.fill_(0.3)
    model.train()(images)
    model.eval()


class Measured:
    """One backbone on one batch."""

    def __init__(self, name: str, arguments: argparse.Namespace) -> None:
        self.name, self.arguments = name, arguments
        self.model = build_source(name, "random").model.requires_grad_(False)
        self.layers = default_behaviour_layers(name, self.model)
        self.channels = layer_channels(self.model, self.layers, arguments.size)
        generator = torch.Generator().manual_seed(0)
        shape = (arguments.batch, 3, arguments.size, arguments.size)
        images = torch.randn(shape, generator=generator)
        self.labels = torch.randint(10, (arguments.batch,), generator=generator)
        self.images = images.contiguous(memory_format=torch.channels_last)
        settle(self.model, images)
        self.loop = self._faster_loop(images)
        self.model.to(memory_format=torch.channels_last)
        self.engine = ImportanceEngine(self.model, self.layers)
        self.operations = count_operations(self.model, self.layers, self.images[:1])

    def _faster_loop(self, images: Tensor) -> Loop:
        loops = []
        for layout in (torch.contiguous_format, torch.channels_last):
            model = build_source(self.name, "random").model.eval().requires_grad_(False)
            model.load_state_dict(self.model.state_dict())
            model.to(memory_format=layout)
            loop = Loop(model, images.contiguous(memory_format=layout), self.labels)
            loops.append((min(timed(loop.loss) for _ in range(3)), len(loops), loop))
        return min(loops)[2]

    def sample(self, layer: str, size: int) -> list[int]:
        """So many of a layer's filters, evenly spread."""
        count = self.channels[layer]
        return torch.linspace(0, count - 1, min(count, size)).long().tolist()

    def exact(self, layer: str, filters: list[int]) -> Tensor:
        return self.engine.measure(self.images, self.labels, filters={layer: filters})[layer]

    def seconds(self) -> dict[str, float]:
        """Of all filters of all layers, medians over turns."""
        loop, intact, first_order = [], [], []
        by_layer: dict[str, list[float]] = {layer: [] for layer in self.layers}
        # Of cheap layers more, so that each takes as long.
        samples = {
            layer: self.sample(layer, round(self.arguments.filters * self.operations.gain(layer)))
            for layer in self.layers
        }
        for _ in range(self.arguments.turns):
            for layer, filters in samples.items():
                loop.append(timed(lambda lay=layer: self.loop.loss_without(lay, 0)))
                intact.append(timed(lambda lay=layer: self.exact(lay, [])))
                by_layer[layer].append(timed(lambda lay=layer, f=filters: self.exact(lay, f)))
            first_order.append(timed(self._first_order))
        once = statistics.median(intact)
        per_filter = {
            layer: (statistics.median(times) - once) / len(samples[layer])
            for layer, times in by_layer.items()
        }
        return {
            "forward": statistics.median(loop),
            "loop": statistics.median(loop) * sum(self.channels.values()),
            "exact": once + sum(per_filter[layer] * c for layer, c in self.channels.items()),
            "first_order": statistics.median(first_order),
            **{f"per_filter/{layer}": value for layer, value in per_filter.items()},
        }

    def _first_order(self) -> None:
        first_order_importance(self.model, self.layers, self.images, self.labels)

    def largest_difference(self) -> float:
        """Between both ways' importances, relative to the largest of the layer's."""
        intact, worst = self.loop.loss(), 0.0
        for layer in self.layers:
            filters = self.sample(layer, COMPARED)
            by_loop = torch.stack([self.loop.loss_without(layer, c) - intact for c in filters])
            by_engine = self.exact(layer, filters)
            difference = (by_loop - by_engine).mean(dim=1).abs().max()
            worst = max(worst, float(difference / by_engine.mean(dim=1).abs().max()))
        return worst

    def report(self) -> dict[str, Any]:
        samples = {layer: self.sample(layer, COMPARED) for layer in self.layers}
        seconds = self.seconds()
        return {
            "name": self.name,
            "filters": sum(self.channels.values()),
            "limit": self.operations.limit(self.channels),
            "limits": {layer: self.operations.gain(layer) for layer in self.layers},
            "seconds": seconds,
            "ratio": seconds["loop"] / seconds["exact"],
            "difference": self.largest_difference(),
            "products_loop": share_of_products(self.loop.loss),
            "products_exact": {
                layer: share_of_products(lambda lay=layer: self.exact(lay, samples[lay]))
                for layer in self.layers
            },
            "peak_loop": peak_memory(lambda: self.loop.loss_without(self.layers[0], 0)),
            "peak_exact": peak_memory(
                lambda: self.engine.measure(self.images, self.labels, filters=samples)
            ),
        }


def line(found: dict[str, Any]) -> str:
    seconds = found["seconds"]
    both = seconds["first_order"] + seconds["exact"] / EXACT_ONE_IN
    return (
        f"| {found['name']} | {found['filters']} | {seconds['loop']:.0f} | {seconds['exact']:.1f} "
        f"| {seconds['first_order']:.2f} "
        f"| {both:.2f} | {found['ratio']:.2f} | {found['limit']:.2f} "
        f"| {found['ratio'] / found['limit']:.2f} | {found['difference']:.1e} "
        f"| {found['peak_loop']:.0f} | {found['peak_exact']:.0f} |"
    )


def by_layer(found: dict[str, Any]) -> str:
    """How near each layer comes to its own limit, and what its time goes into."""
    parts = []
    for layer, limit in found["limits"].items():
        ratio = found["seconds"]["forward"] / found["seconds"][f"per_filter/{layer}"]
        products = found["products_exact"][layer]
        parts.append(f"{layer} {ratio:.1f} of {limit:.1f} ({100 * products:.0f} %)")
    of_loop = f"loop {100 * found['products_loop']:.0f} %"
    return f"  {found['name']}: {of_loop}; {', '.join(parts)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backbones", nargs="+", default=BACKBONES)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--filters", type=int, default=16, help="timed, of each layer")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        prepare_process()
        print(json.dumps(Measured(arguments.only, arguments).report()))
        return
    print(
        f"{arguments.size} px, batch {arguments.batch}, CPU, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads\n\n"
        "| backbone | filters | loop, s | exact, s | first order, s | both, s | loop / exact "
        "| limit | share of the limit | largest difference | peak MB, loop | peak MB, exact |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    details = []
    for name in arguments.backbones:
        command = [sys.executable, "-m", "benchmarks.importance", "--only", name]
        for option in ("size", "batch", "filters", "turns"):
            command += [f"--{option}", str(getattr(arguments, option))]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.strip().splitlines()[-1])
        print(line(found), flush=True)
        details.append(by_layer(found))
    print(
        "\nBy layer, times as fast as a full forward, its limit, and how much of the time goes "
        "into convolutions and matrix products:"
    )
    print("\n".join(details))


if __name__ == "__main__":
    main()

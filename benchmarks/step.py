"""How long a training step takes, as ratios within one run of this script.

    python -m benchmarks.step [--backbone mobilenet_v2] [--size 128] [--batch 32] [--steps 30]

First, each method's step as the loop takes it (learning rates, terms, update, recording into a
run store) against a bare loop on the same networks and batch: target forward and backward and
SGD; for methods that compare feature maps the source's forward besides. Both kinds alternate
step by step, so that a busy machine slows both alike.

Second, the L2 step of this app (channels-last, allocator told to keep large blocks, threads that
sleep while they wait) against the plain script a user would write (NCHW, default allocator), each
in a process of its own, several times in turn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from delta_app.attention.artifact import uniform
from delta_app.config import OptimizationSettings
from delta_app.models.behaviour_layers import default_behaviour_layers
from delta_app.models.build import build_source, build_target
from delta_app.models.feature_maps import layer_channels
from delta_app.openmp import SPINS
from delta_app.regularizers import method, methods
from delta_app.runs.store import RunStore
from delta_app.runs.store_observer import StoreObserver
from delta_app.runtime import prepare_process
from delta_app.training.devices import MixedPrecision, memory_in_use, resolve_device
from delta_app.training.observer import Unstoppable
from delta_app.training.optimizers import build_optimizer, set_learning_rates
from delta_app.training.recorder import Recorder
from delta_app.training.step import Step

CLASSES = 10
TURNS = 3


def timed(call: Callable[[], object], device: torch.device) -> float:
    """Seconds of one call, the device's work included."""
    started = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def bare_loop(target: nn.Module, source: nn.Module | None, images: Tensor, labels: Tensor):
    """Forward, backward and SGD, and nothing else."""
    optimizer = torch.optim.SGD(target.parameters(), lr=1e-4, momentum=0.9)
    target.train()

    def step() -> None:
        if source is not None:
            with torch.no_grad():
                source(images)
        loss = F.cross_entropy(target(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def ratio_to_bare_loop(name: str, arguments: argparse.Namespace, device: torch.device) -> str:
    """One line: median of the app's step, of the bare loop's, and their ratio."""
    source = build_source(arguments.backbone, "random")
    layout = torch.channels_last
    source.model.to(device).to(memory_format=layout)
    targets = [
        build_target(source, CLASSES, torch.Generator().manual_seed(0))
        .to(device)
        .to(memory_format=layout)
        for _ in range(2)
    ]
    shape = (arguments.batch, 3, arguments.size, arguments.size)
    images = torch.randn(shape, device=device).contiguous(memory_format=layout)
    labels = torch.randint(CLASSES, (arguments.batch,), device=device)
    cls = method(name)
    layers = default_behaviour_layers(arguments.backbone, source.model)
    attention = uniform(layer_channels(source.model, layers, arguments.size))
    # A small weight keeps random networks from running away; the arithmetic is the same.
    weight = {"alpha": 1e-6} if "alpha" in cls.Settings.model_fields else {}
    regularizer = cls(
        cls.Settings.model_validate({"method": name} | weight),
        {layer: w.float().to(device) for layer, w in attention.items()},
    )
    settings = OptimizationSettings(lr=1e-4)
    optimizer = build_optimizer(
        targets[0],
        settings,
        weight_decay=regularizer.weight_decay,
        trains_backbone=regularizer.trains_backbone,
    )
    bare = bare_loop(
        targets[1], source.model if cls.compares_feature_maps else None, images, labels
    )
    step = Step(
        targets[0],
        source.model,
        regularizer,
        optimizer,
        MixedPrecision(device, None),
        layers=layers,
    )
    times: dict[str, list[float]] = {"app": [], "bare": []}
    with tempfile.TemporaryDirectory() as folder, step:
        store = RunStore(folder)
        record = store.create(
            kind="training",
            name="benchmark",
            config={},
            method=name,
            method_label=cls.label,
            color=cls.color,
            dataset="random",
            backbone=arguments.backbone,
        )
        observer = StoreObserver(store, record.id, Path(folder) / "log.txt")
        recorder, control = Recorder(observer), Unstoppable()
        step.train_mode()

        def app_step(number: int) -> None:
            control.request()
            rates = set_learning_rates(optimizer, settings, number, 100)
            terms = step(images, labels)
            recorder.step(number, number / 100, terms, rates, len(labels))
            observer.phase("training", number, 1000)

        for number in range(arguments.steps + 3):
            app = timed(lambda number=number: app_step(number), device)
            plain = timed(bare, device)
            if number >= 3:
                times["app"].append(app)
                times["bare"].append(plain)
    app, plain = (statistics.median(times[kind]) for kind in ("app", "bare"))
    paired = statistics.median(a / b for a, b in zip(times["app"], times["bare"], strict=True))
    return f"| {cls.label} | {1000 * app:.0f} | {1000 * plain:.0f} | {paired:.3f} |"


def plain_script(arguments: argparse.Namespace) -> float:
    """Median seconds of a step of the script a user would write."""
    model = getattr(torchvision.models, arguments.backbone)(weights=None, num_classes=CLASSES)
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, weight_decay=1e-4)
    images = torch.randn(arguments.batch, 3, arguments.size, arguments.size)
    labels = torch.randint(CLASSES, (arguments.batch,))
    times = []
    for _ in range(arguments.steps + 3):
        started = time.perf_counter()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        times.append(time.perf_counter() - started)
    return statistics.median(times[3:])


def app_script(arguments: argparse.Namespace) -> float:
    """Median seconds of the app's L2 step in a process prepared as the app prepares its own."""
    prepare_process()
    line = ratio_to_bare_loop("l2", arguments, torch.device("cpu"))
    return float(line.split("|")[2]) / 1000


def against_plain_script(arguments: argparse.Namespace) -> None:
    """Both scripts in processes of their own, in turn."""
    medians: dict[str, list[float]] = {"app": [], "plain": []}
    for _ in range(TURNS):
        for kind, values in medians.items():
            command = [sys.executable, "-m", "benchmarks.step", "--only", kind]
            for name in ("backbone", "size", "batch", "steps"):
                command += [f"--{name}", str(getattr(arguments, name))]
            # OpenMP reads how its threads wait as torch is loaded: the app's way for the app alone.
            environment = {k: v for k, v in os.environ.items() if k != "GOMP_SPINCOUNT"}
            if kind == "app":
                environment["GOMP_SPINCOUNT"] = str(SPINS)
            output = subprocess.run(
                command,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
                cwd=Path(__file__).resolve().parent.parent,
            )
            values.append(float(output.stdout.strip().splitlines()[-1]))
    app, plain = (statistics.median(medians[kind]) for kind in ("app", "plain"))
    print(f"\nL2 step in processes of their own, {TURNS} turns each:")
    print(f"app {1000 * app:.0f} ms, plain script {1000 * plain:.0f} ms, ratio {app / plain:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only", choices=["app", "plain"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print({"app": app_script, "plain": plain_script}[arguments.only](arguments))
        return
    prepare_process()
    device = resolve_device(arguments.device)
    print(
        f"{arguments.backbone}, {arguments.size} px, batch {arguments.batch}, {device}, "
        f"torch {torch.__version__}, {torch.get_num_threads()} threads\n"
    )
    print("| method | app, ms | bare loop, ms | ratio (median of pairs) |")
    print("| --- | --- | --- | --- |")
    for each in methods():
        if each.trains_backbone:
            print(ratio_to_bare_loop(each.name, arguments, device), flush=True)
    print(f"\nPeak memory of this process: {memory_in_use(device) / 1e6:.0f} MB")
    if device.type == "cpu":
        against_plain_script(arguments)


if __name__ == "__main__":
    main()

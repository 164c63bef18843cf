"""A small run in place of the training loop, and processes that work on runs.

`small_training` does what the loop does with observer and control, without networks: 40 steps in
4 epochs, or as many epochs as the config says. As a script this file is another process:

    standin.py work RUNS_DIR         a worker for the CPU, until the main thread is told to end
    standin.py foreground RUNS_DIR   one run as the command line runs it
    standin.py claim RUNS_DIR        claim every queued run it can; prints the ids
    standin.py open RUNS_DIR         open the store; prints its version
"""

from __future__ import annotations

import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from delta_app.runs.control import Shutdown
from delta_app.runs.folder import RunFolder
from delta_app.runs.locks import own
from delta_app.runs.records import TRAINING, RunStatus
from delta_app.runs.recover import recover
from delta_app.runs.store import RunStore

if TYPE_CHECKING:
    from delta_app.training.observer import Control, Observer
    from delta_app.training.run_config import RunConfig

# Whatever imports torch is imported where it is used: it takes longer than most of these tests.

STEPS_PER_EPOCH = 10


@dataclass(frozen=True)
class Result:
    ended: str


def small_config(epochs: int = 4, data: str = "/pictures/flowers", **settings: object) -> RunConfig:
    from delta_app.training.run_config import RunConfig

    return RunConfig.model_validate(
        {
            "data": {"data": data},
            "model": {"backbone": "squeezenet1_1", "weights": "random"},
            "method": {"method": "l2"},
            "optimization": {"epochs": epochs, "device": "cpu", **settings},
        }
    )


def small_training(
    config: RunConfig,
    folder: Path,
    observer: Observer,
    control: Control,
    *,
    seconds_a_step: float = 0.005,
) -> Result:
    epochs = config.optimization.epochs
    observer.phase("checking pictures", 0, 30)
    observer.facts({"classes": 3, "epochs": epochs, "steps_per_epoch": STEPS_PER_EPOCH})
    step = 0
    for epoch in range(1, epochs + 1):
        for _ in range(STEPS_PER_EPOCH):
            if (wanted := control.request()) != "run":
                return Result("interrupted" if wanted == "interrupt" else "stopped")
            time.sleep(seconds_a_step)
            step += 1
            observer.metrics(step, step / STEPS_PER_EPOCH, {"loss/total": 1 / step})
            observer.phase("training", step, epochs * STEPS_PER_EPOCH)
        observer.facts({"epoch": epoch, "val_top1": 0.5 + epoch / 100, "best_epoch": epoch})
        observer.event("info", f"Epoch {epoch} ended.")
    observer.facts({"test_top1": 0.75, "test_balanced": 0.7, "test_evaluations": 1})
    return Result("completed")


def slow_training(config: RunConfig, folder: Path, observer: Observer, control: Control) -> Result:
    return small_training(config, folder, observer, control, seconds_a_step=0.05)


def main(what: str, runs_dir: str) -> None:
    store = RunStore(runs_dir)
    match what:
        case "work":
            from delta_app.runs.worker import Worker

            recover(store)
            shutdown = Shutdown()
            worker = Worker(
                store, "cpu", takes_auto=True, shutdown=shutdown, training=slow_training
            )
            worker.start()
            print("ready", flush=True)
            sys.stdin.readline()  # then the main thread ends, and with it the worker
        case "foreground":
            from delta_app.runs.foreground import run_in_foreground

            shutdown = Shutdown()
            signal.signal(signal.SIGTERM, lambda number, frame: shutdown.request())
            print("ready", flush=True)
            record = run_in_foreground(
                store, TRAINING, small_config(), None, shutdown, training=slow_training
            )
            print(record.id, record.status, flush=True)
        case "claim":
            print("ready", flush=True)
            sys.stdin.readline()
            for record in reversed(store.runs(status=RunStatus.QUEUED)):
                lock = own(RunFolder(record.folder))
                if lock is not None and store.claim(record.id, what):
                    print(record.id, flush=True)
        case "open":
            print(len(store.runs()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

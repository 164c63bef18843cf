"""The training loop, from a config and a folder to a tested classifier.

pictures  = check and split the folder            split.json
networks  = source (frozen) and target (new head)
attention = found, measured or uniform            attention.json, head.safetensors
train every epoch                             last.ckpt, best.safetensors, snapshot.safetensors
load the best; test once                      predictions.json, result.json

A folder that has a checkpoint already is of a run that was paused, broken off or ended: it goes
on from there.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from delta_app.atomic_files import write_json
from delta_app.attention.artifact import check_fits, load_attention
from delta_app.errors import Cancelled
from delta_app.models.out_of_memory import with_a_cure
from delta_app.regularizers import method
from delta_app.training.attention_of_run import attention_of_run, measured_alone
from delta_app.training.checkpoint import CHECKPOINT_FILE, Checkpoint, load_checkpoint
from delta_app.training.devices import device_name
from delta_app.training.disk import RunDisk
from delta_app.training.faithfulness_of_run import faithfulness_of_run
from delta_app.training.final_test import Ending, FinalTest, RunResult
from delta_app.training.fine_tuning import FineTuning
from delta_app.training.keeping import KeptWeights
from delta_app.training.measurement import ATTENTION_FILE
from delta_app.training.observer import Control, HeedsOnly, Observer, Request
from delta_app.training.preparation import (
    Caches,
    Networks,
    Pictures,
    prepare_networks,
    prepare_pictures,
)
from delta_app.training.run_config import RunConfig
from delta_app.training.threads import cpu_threads

CONFIG_FILE = "config.json"


def run_training(
    config: RunConfig, folder: Path, observer: Observer, control: Control
) -> RunResult:
    """Fine-tune one network as `config` says; every file of the run lands in `folder`.

    Raises:
        DeltaAppError: what a person can mend, with its cure.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = load_checkpoint(folder / CHECKPOINT_FILE)
    wanted = config.optimization.threads
    if wanted is None and checkpoint is not None:
        wanted = checkpoint.threads
    with cpu_threads(wanted) as threads, with_a_cure():
        config = config.model_copy(
            update={"optimization": config.optimization.model_copy(update={"threads": threads})}
        )
        write_json(folder / CONFIG_FILE, config.model_dump(mode="json"))
        try:
            return _Run(config, folder, observer, control).go(checkpoint)
        except Cancelled:
            # Before the first epoch there is nothing to keep or test.
            return RunResult(_how_it_ended(control))


def measure_attention(
    config: RunConfig, folder: Path, observer: Observer, control: Control
) -> RunResult:
    """Measure the channel attention of `config`, its faithfulness where that is asked for, and
    train nothing else.

    A run that is stopped keeps what was measured until then.

    Raises:
        DeltaAppError: what a person can mend, with its cure.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with cpu_threads(config.optimization.threads), with_a_cure():
        write_json(folder / CONFIG_FILE, config.model_dump(mode="json"))
        observer.rewind(0)
        try:
            alone = measured_alone(config, folder, observer, control)
            observer.facts({"attention": str(folder / ATTENTION_FILE)})
            if not alone.attention.complete:
                return RunResult(_how_it_ended(control))
            if config.attention.faithfulness:
                faithfulness_of_run(alone, config, folder, observer, control)
        except Cancelled:
            return RunResult(_how_it_ended(control))
        return RunResult("completed")


_ENDED: dict[Request, Ending] = {"interrupt": "interrupted", "pause": "paused", "stop": "stopped"}


def _how_it_ended(control: Control) -> Ending:
    """What a run that was asked to end says it is."""
    return _ENDED.get(control.request(), "stopped")


class _Run:
    """One training run; each method is one line of the module's outline."""

    def __init__(
        self, config: RunConfig, folder: Path, observer: Observer, control: Control
    ) -> None:
        self.config = config
        self.folder = folder
        self.observer = observer
        self.control = control

    def go(self, checkpoint: Checkpoint | None) -> RunResult:
        # A run that is taken up to be stopped is prepared all the same: it has something to test.
        control = HeedsOnly(self.control, "interrupt", "pause") if checkpoint else self.control
        self.observer.rewind(checkpoint.told if checkpoint else 0)
        pictures = prepare_pictures(
            self.config, self.folder, self.observer, control, kept=checkpoint is not None
        )
        networks = prepare_networks(self.config, len(pictures.splits.classes), self.observer)
        self._describe(pictures, networks)
        caches = Caches(self.config, pictures, networks.preprocessing, self.observer, control)
        regularizer_class = method(self.config.method.method)
        attention = None
        if "attention" in regularizer_class.Settings.model_fields:
            attention = self._attention(pictures, networks, caches, control, checkpoint)
        regularizer = regularizer_class(self.config.method, attention)
        disk = RunDisk(self.folder, self.observer, self.control)
        kept = KeptWeights(self.folder, networks.target, disk)
        tuning = FineTuning(
            self.config,
            self.folder,
            pictures,
            networks,
            caches,
            regularizer,
            kept,
            disk,
            self.observer,
            self.control,
        )
        if checkpoint is not None:
            tuning.take_up(checkpoint)
        request = tuning.run()
        if request in ("interrupt", "pause"):
            return RunResult(_ENDED[request], kept.epoch, kept.val_top1)
        test = FinalTest(
            self.folder, networks.target, pictures.splits, caches, disk, self.observer, self.control
        )
        return test.run(kept, "stopped" if request else "completed", tuning.step)

    def _attention(
        self,
        pictures: Pictures,
        networks: Networks,
        caches: Caches,
        control: Control,
        checkpoint: Checkpoint | None,
    ) -> dict[str, Tensor]:
        """Channel attention by layer, on the device; a run that goes on has it in its folder."""
        own = self.folder / ATTENTION_FILE
        if checkpoint is not None and own.is_file():
            attention = check_fits(load_attention(own).weights(), networks.channels, str(own))
        else:
            attention = attention_of_run(
                self.config, pictures, networks, caches, self.folder, self.observer, control
            )
        if own.is_file():
            self.observer.facts({"attention": str(own)})
        return {layer: w.to(caches.device, torch.float32) for layer, w in attention.items()}

    def _describe(self, pictures: Pictures, networks: Networks) -> None:
        """model.json, and what the run's record shows."""
        write_json(
            self.folder / "model.json",
            {
                "backbone": self.config.model.backbone,
                "classes": list(pictures.splits.classes),
                "preprocessing": networks.preprocessing.to_json(),
                "behaviour_layers": list(networks.layers),
                "weights": self.config.model.weights,
                "weights_digest": networks.source.digest,
                "image_size": networks.preprocessing.size,
            },
        )
        self.observer.facts(
            {
                "device": device_name(next(networks.target.parameters()).device),
                "behaviour_layers": list(networks.layers),
                "parameters": sum(p.numel() for p in networks.target.parameters()),
                "epochs": self.config.optimization.total_epochs,
            }
        )

"""The training loop, from a config and a folder to a tested classifier.

pictures  = check and split the folder            split.json
networks  = source (frozen) and target (new head)
attention = found, measured or uniform            attention.json, head.safetensors
for epoch:
    for batch:  ask control; step; record
    evaluate on validation; keep the best         best.safetensors, snapshot.safetensors
load the best; test once                          predictions.json, result.json
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

import torch

from delta_app.atomic_files import write_json
from delta_app.errors import Cancelled
from delta_app.formatting import counted, percent
from delta_app.models.out_of_memory import with_a_cure
from delta_app.regularizers import method
from delta_app.training import metric_names as names
from delta_app.training.attention_of_run import attention_of_run, measured_alone
from delta_app.training.devices import device_name, memory_in_use
from delta_app.training.evaluation import EVALUATION_BATCH, Evaluation
from delta_app.training.faithfulness_of_run import faithfulness_of_run
from delta_app.training.final_test import FinalTest, RunResult
from delta_app.training.keeping import KeptWeights
from delta_app.training.measurement import ATTENTION_FILE
from delta_app.training.observer import Control, Observer, Request
from delta_app.training.optimizers import (
    balanced_class_weights,
    build_optimizer,
    set_learning_rates,
)
from delta_app.training.preparation import (
    Caches,
    Networks,
    Pictures,
    mixed_precision,
    prepare_networks,
    prepare_pictures,
)
from delta_app.training.recorder import Recorder
from delta_app.training.run_config import RunConfig
from delta_app.training.step import Step
from delta_app.training.threads import cpu_threads
from delta_app.training.validation import Validation


def run_training(
    config: RunConfig, folder: Path, observer: Observer, control: Control
) -> RunResult:
    """Fine-tune one network as `config` says; every file of the run lands in `folder`.

    Raises:
        DeltaAppError: what a person can mend, with its cure.
    """
    with cpu_threads(config.optimization.threads) as threads, with_a_cure():
        config = config.model_copy(
            update={"optimization": config.optimization.model_copy(update={"threads": threads})}
        )
        write_json(folder / "config.json", config.model_dump(mode="json"))
        try:
            return _Run(config, folder, observer, control).go()
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
    with cpu_threads(config.optimization.threads), with_a_cure():
        write_json(folder / "config.json", config.model_dump(mode="json"))
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


def _how_it_ended(control: Control) -> Literal["interrupted", "stopped"]:
    """What a run that was asked to end says it is."""
    return "interrupted" if control.request() == "interrupt" else "stopped"


class _Run:
    """One training run; each method is one line of the module's outline."""

    def __init__(
        self, config: RunConfig, folder: Path, observer: Observer, control: Control
    ) -> None:
        self.config = config
        self.settings = config.optimization
        self.folder = folder
        self.observer = observer
        self.control = control

    def go(self) -> RunResult:
        pictures = prepare_pictures(self.config, self.folder, self.observer, self.control)
        networks = prepare_networks(self.config, len(pictures.splits.classes), self.observer)
        self._describe(pictures, networks)
        caches = Caches(self.config, pictures, networks.preprocessing, self.observer, self.control)
        regularizer_class = method(self.config.method.method)
        attention = None
        if "attention" in regularizer_class.Settings.model_fields:
            attention = attention_of_run(
                self.config, pictures, networks, caches, self.folder, self.observer, self.control
            )
            if (self.folder / ATTENTION_FILE).is_file():
                self.observer.facts({"attention": str(self.folder / ATTENTION_FILE)})
            attention = {
                layer: w.to(caches.device, torch.float32) for layer, w in attention.items()
            }
        regularizer = regularizer_class(self.config.method, attention)
        kept = KeptWeights(self.folder, networks.target)
        request = self._train(pictures, networks, caches, regularizer, kept)
        if request == "interrupt":
            return RunResult("interrupted", kept.epoch, kept.val_top1)
        test = FinalTest(
            self.folder, networks.target, pictures.splits, caches, self.observer, self.control
        )
        return test.run(kept, "stopped" if request else "completed")

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
                "epochs": self.settings.epochs,
            }
        )

    def _train(
        self,
        pictures: Pictures,
        networks: Networks,
        caches: Caches,
        regularizer: Any,
        kept: KeptWeights,
    ) -> Request | None:
        """All epochs; returns what ended them early."""
        settings, observer = self.settings, self.observer
        train = caches.train(settings.batch_size, settings.seed)
        val = caches.plain(pictures.splits.val, EVALUATION_BATCH) if pictures.splits.val else None
        optimizer = build_optimizer(
            networks.target,
            settings,
            weight_decay=regularizer.weight_decay,
            trains_backbone=regularizer.trains_backbone,
        )
        class_weights = None
        if settings.class_weights == "balanced":
            labels = [p.label for p in pictures.splits.train]
            class_weights = balanced_class_weights(labels, len(pictures.splits.classes)).to(
                caches.device
            )
        per_epoch = train.steps_per_epoch
        total = settings.epochs * per_epoch
        observer.facts({"steps_per_epoch": per_epoch, "steps": total})
        precision = mixed_precision(self.config)
        observer.event(
            "info",
            f"Training {counted(settings.epochs, 'epoch')} of {counted(per_epoch, 'step')} on "
            f"{device_name(caches.device)} in {precision.label}.",
        )
        validation = Validation(networks.target, val, total, observer, self.control)
        recorder = Recorder(observer)
        step_number = 0
        with Step(
            networks.target,
            networks.source.model,
            regularizer,
            optimizer,
            precision,
            layers=networks.layers,
            label_smoothing=settings.label_smoothing,
            class_weights=class_weights,
            frozen_batchnorm=settings.batchnorm == "frozen",
            on_smaller=lambda smaller: smaller.tell(observer, step_number + 1),
        ) as step:
            for epoch in range(settings.epochs):
                step.train_mode()
                started = time.monotonic()
                trained = 0
                for batch in train.batches(epoch):
                    request = self.control.request()
                    if request != "run":
                        recorder.flush()
                        return request
                    rates = set_learning_rates(optimizer, settings, step_number, total, per_epoch)
                    terms = step(batch.images, batch.labels)
                    step_number += 1
                    trained += len(batch.labels)
                    recorder.step(
                        step_number, step_number / per_epoch, terms, rates, len(batch.labels)
                    )
                    observer.phase("training", step_number, total)
                recorder.flush()
                speed = trained / (time.monotonic() - started)
                try:
                    measured = validation.measure(step_number)
                except Cancelled:  # this epoch is not measured; the best one before it stays
                    return self.control.request()
                self._end_of_epoch(
                    epoch + 1,
                    step_number,
                    recorder.train_top1(),
                    speed,
                    measured,
                    caches,
                    kept,
                )
        return None

    def _end_of_epoch(
        self,
        epoch: int,
        step: int,
        train_top1: float,
        speed: float,
        val: Evaluation | None,
        caches: Caches,
        kept: KeptWeights,
    ) -> None:
        measured = {
            names.TRAIN_TOP1: train_top1,
            names.PICTURES_PER_SECOND: speed,
            names.MEMORY_BYTES: float(memory_in_use(caches.device)),
        }
        words = f"Epoch {epoch} of {self.settings.epochs}: training top-1 {percent(train_top1)}"
        if val is not None:
            measured |= {
                names.VAL_TOP1: val.top1,
                names.VAL_BALANCED: val.balanced_accuracy,
                names.VAL_CROSS_ENTROPY: val.cross_entropy,
            }
            words += f", validation {percent(val.top1)}"
        better = kept.end_of_epoch(epoch, val, last=epoch == self.settings.epochs)
        self.observer.metrics(step, float(epoch), measured)
        self.observer.facts(
            {
                "epoch": epoch,
                "step": step,
                "val_top1": kept.val_top1,
                "best_epoch": kept.epoch,
                "pictures_per_second": speed,
                "memory_bytes": memory_in_use(caches.device),
            }
        )
        self.observer.event("info", words + (", the best so far." if val and better else "."))

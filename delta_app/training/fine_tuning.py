"""The epochs of a run, from wherever it stands to the last one.

for epoch:
    for batch:  ask control; step; record; keep a checkpoint now and then    last.ckpt
    evaluate on validation; keep the best                   best.safetensors, snapshot.safetensors
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from pathlib import Path

import torch

from delta_app.errors import Cancelled, CheckpointError
from delta_app.formatting import count, counted, percent
from delta_app.regularizers import Regularizer
from delta_app.training import metric_names as names
from delta_app.training.checkpoint import CHECKPOINT_FILE, Checkpoint, save_checkpoint
from delta_app.training.devices import device_name, memory_in_use
from delta_app.training.disk import RunDisk
from delta_app.training.evaluation import EVALUATION_BATCH, Evaluation
from delta_app.training.keeping import KeptWeights
from delta_app.training.observer import Control, Observer, Request
from delta_app.training.optimizers import (
    balanced_class_weights,
    build_optimizer,
    set_learning_rates,
)
from delta_app.training.preparation import Caches, Networks, Pictures, mixed_precision
from delta_app.training.recorder import Recorder
from delta_app.training.run_config import RunConfig
from delta_app.training.step import Step
from delta_app.training.validation import Validation

LARGEST_SHARE = 0.05
"""Of the time that may go into writing checkpoints."""

_NOT_DETERMINING = {"more_epochs", "checkpoint_seconds", "device", "threads"}


@dataclasses.dataclass
class Place:
    """Where a run stands.

    Attributes:
        step: steps done.
        epoch: epochs that ended, their validation included.
        batch: steps done of the epoch after them.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0


class FineTuning:
    """Trains the target of one run; what it needs to go on later is kept in a checkpoint.

    Args:
        disk: writes the run's files.
        kept: takes each epoch's weights.
    """

    def __init__(
        self,
        config: RunConfig,
        folder: Path,
        pictures: Pictures,
        networks: Networks,
        caches: Caches,
        regularizer: Regularizer,
        kept: KeptWeights,
        disk: RunDisk,
        observer: Observer,
        control: Control,
    ) -> None:
        settings = config.optimization
        self._settings = settings
        self._file = folder / CHECKPOINT_FILE
        self._networks = networks
        self._device = caches.device
        self._kept = kept
        self._disk = disk
        self._observer = observer
        self._control = control
        self._place = Place()
        self._fingerprint = fingerprint(config, pictures, networks)
        self._train = caches.train(settings.batch_size, settings.seed)
        self._per_epoch = self._train.steps_per_epoch
        self._total = settings.total_epochs * self._per_epoch
        splits = pictures.splits
        val = caches.plain(splits.val, EVALUATION_BATCH) if splits.val else None
        if splits.test:  # decoded now: a folder may change or go while the run trains
            caches.plain(splits.test, EVALUATION_BATCH)
        self._validation = Validation(networks.target, val, self._total, observer, control)
        self._recorder = Recorder(observer)
        self._optimizer = build_optimizer(
            networks.target,
            settings,
            weight_decay=regularizer.weight_decay,
            trains_backbone=regularizer.trains_backbone,
        )
        class_weights = None
        if settings.class_weights == "balanced":
            labels = [p.label for p in splits.train]
            class_weights = balanced_class_weights(labels, len(splits.classes)).to(caches.device)
        self._precision = mixed_precision(config)
        self._step = Step(
            networks.target,
            networks.source.model,
            regularizer,
            self._optimizer,
            self._precision,
            layers=networks.layers,
            label_smoothing=settings.label_smoothing,
            class_weights=class_weights,
            frozen_batchnorm=settings.batchnorm == "frozen",
            on_smaller=lambda smaller: smaller.tell(observer, self._place.step + 1),
        )
        self._written_at = time.monotonic()
        self._writing_took = 0.0

    @property
    def step(self) -> int:
        """Steps done."""
        return self._place.step

    def take_up(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint in place of the beginning.

        Raises:
            CheckpointError: it is of other settings, pictures or starting weights.
        """
        if checkpoint.settings != self._fingerprint:
            raise CheckpointError(
                f"{self._file} was written with other settings, pictures or starting weights than "
                "this run has now.",
                cure="Put back what was changed, or run again from the beginning.",
            )
        try:
            self._networks.target.load_state_dict(dict(checkpoint.model))
            self._optimizer.load_state_dict(dict(checkpoint.optimizer))
            self._step.load_scaler(checkpoint.scaler)
            self._kept.take_up(checkpoint.kept)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{self._file} does not fit this run's network: {error}.",
                cure="Run again from the beginning with the same settings.",
            ) from error
        self._step.micro_batch = checkpoint.micro_batch
        self._take_up_generator(*checkpoint.generator)
        self._recorder.take_up(checkpoint.right, checkpoint.seen)
        self._place = Place(checkpoint.step, checkpoint.epoch, checkpoint.batch)
        self._observer.facts(
            {
                "epoch": checkpoint.epoch,
                "step": checkpoint.step,
                "val_top1": self._kept.val_top1,
                "best_epoch": self._kept.epoch,
            }
        )
        self._observer.event(
            "info",
            f"Goes on after step {count(checkpoint.step)}, in epoch "
            f"{min(checkpoint.epoch + 1, self._settings.total_epochs)} of "
            f"{self._settings.total_epochs}.",
        )

    def run(self) -> Request | None:
        """Train to the last epoch; what was asked for where that ended it early.

        A checkpoint of where it ended is kept either way.

        Raises:
            TrainingError: a loss is not finite; the best epoch so far is kept on disk.
        """
        settings, place = self._settings, self._place
        self._observer.facts({"steps_per_epoch": self._per_epoch, "steps": self._total})
        if not place.step:
            self._observer.event(
                "info",
                f"Training {counted(settings.total_epochs, 'epoch')} of "
                f"{counted(self._per_epoch, 'step')} on {device_name(self._device)} in "
                f"{self._precision.label}.",
            )
        try:
            with self._step:
                request = self._epochs()
        except Exception:  # whatever ended it, the best epoch is to be found
            self._kept.keep_on_disk()
            raise
        self._disk.insist(self._write_checkpoint, "the checkpoint")
        return request

    def _epochs(self) -> Request | None:
        place = self._place
        while place.epoch < self._settings.total_epochs:
            self._step.train_mode()
            started, trained = time.monotonic(), 0
            for batch in self._train.batches(place.epoch, place.batch):
                request = self._control.request()
                if request != "run":
                    self._recorder.flush()
                    return request
                rates = set_learning_rates(
                    self._optimizer, self._settings, place.step, self._per_epoch
                )
                terms = self._step(batch.images, batch.labels)
                place.step += 1
                place.batch += 1
                trained += len(batch.labels)
                self._recorder.step(
                    place.step, place.step / self._per_epoch, terms, rates, len(batch.labels)
                )
                self._observer.phase("training", place.step, self._total)
                self._checkpoint_if_due()
            self._recorder.flush()
            spent = time.monotonic() - started
            try:
                measured = self._validation.measure(place.step)
            except Cancelled:  # this epoch is not measured; the best one before it stays
                return self._control.request()
            self._end_of_epoch(trained / spent if trained and spent > 0 else None, measured)
        return None

    def _end_of_epoch(self, speed: float | None, val: Evaluation | None) -> None:
        place, settings = self._place, self._settings
        place.epoch, place.batch = place.epoch + 1, 0
        train_top1 = self._recorder.train_top1()
        memory = memory_in_use(self._device)
        measured = {names.TRAIN_TOP1: train_top1, names.MEMORY_BYTES: float(memory)}
        if speed is not None:
            measured[names.PICTURES_PER_SECOND] = speed
        words = f"Epoch {place.epoch} of {settings.total_epochs}: training top-1 "
        words += percent(train_top1)
        if val is not None:
            measured |= {
                names.VAL_TOP1: val.top1,
                names.VAL_BALANCED: val.balanced_accuracy,
                names.VAL_CROSS_ENTROPY: val.cross_entropy,
            }
            words += f", validation {percent(val.top1)}"
        better = self._kept.end_of_epoch(place.epoch, val, last=place.step == self._total)
        self._observer.metrics(place.step, float(place.epoch), measured)
        facts = {
            "epoch": place.epoch,
            "step": place.step,
            "val_top1": self._kept.val_top1,
            "best_epoch": self._kept.epoch,
            "memory_bytes": memory,
        }
        self._observer.facts(facts if speed is None else facts | {"pictures_per_second": speed})
        self._observer.event("info", words + (", the best so far." if val and better else "."))

    def _checkpoint_if_due(self) -> None:
        since = time.monotonic() - self._written_at
        if since < max(self._settings.checkpoint_seconds, self._writing_took / LARGEST_SHARE):
            return
        self._recorder.flush()  # a loss that is not finite is found before it is kept
        self._disk.try_to(self._write_checkpoint, "the checkpoint")
        self._written_at = time.monotonic()

    def _write_checkpoint(self) -> None:
        started = time.monotonic()
        told = self._observer.settle()
        if told is None:
            raise OSError("the numbers before it could not be written")
        save_checkpoint(self._file, self._checkpoint(told))
        self._writing_took = time.monotonic() - started

    def _checkpoint(self, told: int) -> Checkpoint:
        right, seen = self._recorder.counted()
        generator = self._networks.generator
        return Checkpoint(
            settings=self._fingerprint,
            step=self._place.step,
            epoch=self._place.epoch,
            batch=self._place.batch,
            told=told,
            right=right,
            seen=seen,
            threads=torch.get_num_threads(),
            micro_batch=self._step.micro_batch,
            model=self._networks.target.state_dict(),
            optimizer=self._optimizer.state_dict(),
            scaler=self._step.scaler_state(),
            generator=(generator.device.type, generator.get_state()),
            kept=self._kept.state(),
        )

    def _take_up_generator(self, kind: str, state: torch.Tensor) -> None:
        generator = self._networks.generator
        if kind == generator.device.type:
            generator.set_state(state)
            return
        generator.manual_seed(self._settings.seed + self._place.step)
        self._observer.event(
            "warning",
            f"It was kept on {kind} and goes on on {generator.device.type}: dropout draws other "
            "numbers than it would have.",
        )


def fingerprint(config: RunConfig, pictures: Pictures, networks: Networks) -> str:
    """sha256 (hex) of all that must be the same for a run to go on from its checkpoint."""
    settings = config.model_dump(mode="json")
    optimization = settings["optimization"]
    settings["optimization"] = {
        name: value for name, value in optimization.items() if name not in _NOT_DETERMINING
    }
    del settings["data"]  # the pictures themselves count
    del settings["model"]["weights"]  # and the weights in the file
    splits = pictures.splits
    content = [
        settings,
        list(splits.classes),
        [[p.digest, p.label] for p in (*splits.train, *splits.val)],
        networks.source.digest,
        list(networks.layers),
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

"""Filter importance on a run's training pictures, by the estimator that its settings name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from delta_app.attention.ablation import ImportanceEngine
from delta_app.attention.by_picture import LayerByPicture
from delta_app.attention.excitation import Excitation
from delta_app.attention.first_order import first_order_importance
from delta_app.attention.moments import Moments
from delta_app.config import AttentionSettings
from delta_app.data.batches import PlainBatches
from delta_app.data.records import Splits
from delta_app.errors import Cancelled
from delta_app.formatting import count, counted, some
from delta_app.models.at_once import AtOnce
from delta_app.training.evaluation import EVALUATION_BATCH, halving
from delta_app.training.gathered import (
    BY_PICTURE_BYTES,
    Gathered,
    LayerImportance,
    by_class_and_half,
    random_halves,
)
from delta_app.training.measured_batches import (
    Group,
    MeasuredBatches,
    augmented_batches,
    plain_batches,
)
from delta_app.training.measuring import Measuring
from delta_app.training.observer import Observer
from delta_app.training.preparation import Ask, Caches

PHASE, FIRST_ORDER_PHASE = "measuring attention", "measuring first order"
LOOKING_PHASE = "looking at the pictures"


@dataclass(frozen=True)
class Importance:
    """A measurement.

    Attributes:
        layers: estimates by layer.
        by_picture: what is kept picture by picture and class by class, by layer.
        pictures: places of the measured pictures in the training split, ascending.
        complete: False where it was stopped before all wanted batches were measured.
    """

    layers: dict[str, LayerImportance]
    by_picture: dict[str, LayerByPicture]
    pictures: tuple[int, ...]
    complete: bool


class ImportanceMeasurement:
    """Measures one network's filters on the training pictures of one run.

    Args:
        model: the network with its head, in eval mode.
        channels: number of filters by behaviour layer.
        measuring: what an earlier stretch found; it is told what this one finds.
        keep_part: whether a run that is asked to end keeps what was measured until then.
    """

    def __init__(
        self,
        settings: AttentionSettings,
        splits: Splits,
        caches: Caches,
        model: nn.Module,
        channels: Mapping[str, int],
        observer: Observer,
        ask: Ask,
        measuring: Measuring,
        *,
        keep_part: bool = False,
    ) -> None:
        self._measuring = measuring
        self._settings = settings
        self._splits = splits
        self._caches = caches
        self._model = model
        self._layers = tuple(channels)
        self._filters = sum(channels.values())
        self._first_order = _FirstOrder(model, self._layers, halving(observer, FIRST_ORDER_PHASE))
        self._observer = observer
        self._ask = ask
        self._keep_part = keep_part

    def run(self) -> Importance:
        """Measure until the batches, or the wished reliability, are reached.

        Raises:
            Cancelled: the run was asked to end, and nothing is kept.
        """
        exciting = self._look()
        first_order = self._first_order_of_all() if self._settings.estimator == "combined" else None
        wanted = self._batches()
        keep = 4 * self._filters * wanted.pictures <= BY_PICTURE_BYTES
        found = Gathered(len(self._splits.classes), self._halves, keep)
        before = self._measuring.found("gathered")
        if before is not None:
            found.take_up(before)
        complete = self._measure(wanted, found, first_order)
        layers = found.layers(first_order)
        self._say_where_it_does_not_help(layers)
        kept = found.by_picture()
        by_picture = {}
        for name, layer in layers.items():
            values, places = exciting.of(name)
            by_picture[name] = LayerByPicture(
                importance=kept.get(name),
                by_class=layer.by_class.importance.float(),
                by_class_error=layer.by_class.standard_error.float(),
                excited_by=places,
                excitation=values,
            )
        return Importance(layers, by_picture, tuple(found.places().tolist()), complete)

    def _look(self) -> Excitation:
        """Which training pictures excite each filter most."""
        at_once = halving(self._observer, LOOKING_PHASE)
        found, done = Excitation(self._model, self._layers, at_once=at_once), 0
        before = self._measuring.found("excitation")
        if before is not None:
            found.take_up(before)
            return found
        for batch in self._plain:
            self._ask.raise_if_ended()
            found.look(batch.images, batch.indices)
            done += len(batch.indices)
            self._observer.phase(LOOKING_PHASE, done, len(self._splits.train), "pictures")
        self._measuring.keep("excitation", found.state())
        return found

    def _first_order_of_all(self) -> dict[str, Moments]:
        """First order of all training pictures, as it was kept or measured now."""
        before = self._measuring.found("first order")
        if before is not None:
            return {name: Moments(*state) for name, state in before.items()}
        found = self._of_all_pictures()
        self._measuring.keep("first order", {name: each.state() for name, each in found.items()})
        return found

    def _of_all_pictures(self) -> dict[str, Moments]:
        """First order of all training pictures, by class and half."""
        found: dict[str, Moments] = {}
        done, classes = 0, len(self._splits.classes)
        for batch in self._plain:
            self._ask.raise_if_ended()
            slopes = self._first_order.measure(batch.images, batch.labels)
            for layer, values in slopes.items():
                halves = self._halves[batch.indices.cpu()]
                more = by_class_and_half(values.cpu(), batch.labels.cpu(), halves, classes)
                found[layer] = found[layer] + more if layer in found else more
            done += len(batch.indices)
            self._observer.phase(FIRST_ORDER_PHASE, done, len(self._splits.train), "pictures")
        return found

    def _measure(
        self, wanted: MeasuredBatches, found: Gathered, first_order: dict[str, Moments] | None
    ) -> bool:
        """Measure group after group into `found`; whether it came to its end."""
        engine = self._engine()
        self._observer.event(
            "info",
            f"{'At most' if wanted.least < wanted.most else 'On'} "
            f"{counted(wanted.most, 'batch', 'batches')}, {counted(wanted.images, 'picture')} in "
            f"all, for {counted(self._filters, 'filter')}.",
        )
        total, done, batches, groups = self._filters * wanted.images, 0, 0, 0

        def on_pairs(measured: int) -> None:
            nonlocal done
            done += measured
            self._observer.phase(PHASE, done, total, f"{self._filters} filters")
            self._ask.raise_if_ended()

        try:
            for group in wanted.groups:
                if found.groups > groups:  # measured in an earlier stretch
                    done += self._filters * len(group.places) * group.batches
                else:
                    self._measure_group(group, engine, found, on_pairs, first_order is not None)
                    self._measuring.keep("gathered", found.state())
                groups += 1
                batches += group.batches
                if groups < found.groups:
                    continue
                if wanted.least <= batches < wanted.most and self._reliable(found, first_order):
                    said = counted(batches, "batch", "batches")
                    self._observer.event("info", f"Reliable after {said}.")
                    break
        except Cancelled:
            self._measuring.write()
            if not self._keep_part or found.pictures < 2 or self._ask.wanted == "pause":
                raise
            self._observer.event(
                "info",
                f"Stopped after {count(batches)} of "
                f"{counted(wanted.most, 'batch', 'batches')}: the attention is kept as measured "
                f"on {counted(found.pictures, 'picture')}.",
            )
            return False
        return True

    def _measure_group(
        self,
        group: Group,
        engine: ImportanceEngine | _FirstOrder,
        found: Gathered,
        on_pairs: Callable[[int], None],
        with_first_order: bool,
    ) -> None:
        """Measure every crop of a group's pictures, and take in their average."""
        sums: dict[str, Tensor] = {}
        for crop in group.crops:
            for layer, values in engine.measure(crop.images, crop.labels, on_pairs).items():
                sums[layer] = sums[layer] + values if layer in sums else values
        importance = {layer: values / group.batches for layer, values in sums.items()}
        slopes = None
        if with_first_order:
            plain = self._plain.batch(group.places)
            slopes = self._first_order.measure(plain.images, plain.labels)
        labels = torch.tensor([self._splits.train[i].label for i in group.places.tolist()])
        found.add(importance, labels, group.places, slopes)

    def _engine(self) -> ImportanceEngine | _FirstOrder:
        if self._settings.estimator == "first-order":
            return self._first_order
        engine = ImportanceEngine(self._model, self._layers)
        if not engine.traced:
            self._observer.event(
                "warning",
                "This network cannot be traced: every filter pays a full forward pass.",
            )
        return engine

    def _reliable(self, found: Gathered, first_order: dict[str, Moments] | None) -> bool:
        wanted = self._settings.attention_reliability
        layers = found.layers(first_order).values()
        return wanted is not None and all(each.reliability >= wanted for each in layers)

    def _say_where_it_does_not_help(self, layers: Mapping[str, LayerImportance]) -> None:
        useless = [name for name, layer in layers.items() if layer.first_order_helps is False]
        if useless:
            self._observer.event(
                "warning",
                f"In {some(useless)} the first order tells little of the exact importance: the "
                "sampled pictures alone err less than both together.",
            )

    def _batches(self) -> MeasuredBatches:
        size, seed = self._settings.attention_batch_size, self._settings.attention_seed
        if self._settings.attention_pictures == "augmented":
            return augmented_batches(self._settings, self._caches.train(size, seed))
        generator = torch.Generator().manual_seed(seed)
        return plain_batches(self._settings, self._plain, generator)

    @cached_property
    def _halves(self) -> Tensor:
        """By the order that plain batches come in: what is measured is half one, half other."""
        generator = torch.Generator().manual_seed(self._settings.attention_seed)
        return random_halves(len(self._splits.train), generator)

    @cached_property
    def _plain(self) -> PlainBatches:
        """All training pictures as they are."""
        return self._caches.plain(self._splits.train, EVALUATION_BATCH)


class _FirstOrder:
    """First-order importance with the engine's face."""

    def __init__(self, model: nn.Module, layers: tuple[str, ...], at_once: AtOnce) -> None:
        self._model = model
        self._layers = layers
        self._at_once = at_once

    def measure(
        self,
        images: Tensor,
        labels: Tensor,
        on_pairs: Callable[[int], None] = lambda pairs: None,
    ) -> dict[str, Tensor]:
        parts = self._at_once(
            lambda few, their: first_order_importance(self._model, self._layers, few, their),
            images,
            labels,
        )
        found = {layer: torch.cat([part[layer] for part in parts], 1) for layer in self._layers}
        on_pairs(sum(values.numel() for values in found.values()))
        return found

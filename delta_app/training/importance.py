"""Filter importance on a run's training pictures, by the estimator that its settings name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice

import torch
from torch import Tensor, nn

from delta_app.attention.ablation import ImportanceEngine
from delta_app.attention.first_order import first_order_importance
from delta_app.attention.precision import (
    Estimate,
    combined_estimate,
    combined_values,
    first_order_helps,
    plain_estimate,
    reliability,
    split_half_correlation,
)
from delta_app.data.batches import TrainBatches
from delta_app.formatting import counted, some
from delta_app.training.evaluation import EVALUATION_BATCH
from delta_app.training.observer import Observer
from delta_app.training.preparation import Ask, Caches, Networks, Pictures
from delta_app.training.run_config import RunConfig

PHASE, FIRST_ORDER_PHASE = "measuring attention", "measuring first order"


@dataclass(frozen=True)
class LayerImportance:
    """What is known of one layer's filters.

    Attributes:
        reliability: share of the variance between filters that is not noise.
        split_half: rank correlation of the importances from two halves of the pictures.
    """

    estimate: Estimate
    reliability: float
    split_half: float


@dataclass(frozen=True)
class Importance:
    """A finished measurement: by layer, and the places of its pictures in the training split."""

    layers: dict[str, LayerImportance]
    pictures: tuple[int, ...]


class ImportanceMeasurement:
    """Measures one network's filters on the training pictures of one run.

    Args:
        model: frozen backbone and the head that was trained on it, in eval mode.
    """

    def __init__(
        self,
        config: RunConfig,
        pictures: Pictures,
        networks: Networks,
        caches: Caches,
        model: nn.Module,
        observer: Observer,
        ask: Ask,
    ) -> None:
        self._settings = config.attention
        self._backbone = config.model.backbone
        self._train = pictures.splits.train
        self._networks = networks
        self._caches = caches
        self._model = model
        self._observer = observer
        self._ask = ask
        self._filters = sum(networks.channels.values())

    def run(self) -> Importance:
        """Measure until the batches, or the wished reliability, are reached.

        Raises:
            Cancelled: the run was asked to end.
        """
        if self._settings.estimator == "first-order":
            found = self._by_batches(_FirstOrder(self._model, self._networks.layers))
            return self._importance(found, None)
        first_order = self._of_all_pictures() if self._settings.estimator == "combined" else None
        engine = ImportanceEngine(self._model, self._networks.layers)
        if not engine.traced:
            self._observer.event(
                "warning",
                f"{self._backbone} cannot be traced: every filter pays a full forward pass.",
            )
        found = self._by_batches(engine, first_order)
        if first_order is not None:
            self._say_where_it_does_not_help(first_order, found)
        return self._importance(found, first_order)

    def _by_batches(
        self, engine: ImportanceEngine | _FirstOrder, first_order: _ByPicture | None = None
    ) -> _ByPicture:
        most, least, batches = self._batches()
        total, done = self._filters * most, 0
        self._observer.event(
            "info",
            f"{'At most' if least < most else 'On'} {counted(most, 'batch', 'batches')} of "
            f"pictures for {counted(self._filters, 'filter')}.",
        )

        def on_filters(measured: int) -> None:
            nonlocal done
            done += measured
            self._observer.phase(PHASE, done, total, f"{self._filters} filters")
            self._ask.raise_if_ended()

        found = _ByPicture()
        for place, (images, labels, indices) in enumerate(batches, 1):
            found.add(engine.measure(images, labels, on_filters), indices)
            if least <= place < most and self._reliable(found, first_order):
                self._observer.event(
                    "info", f"Reliable after {counted(place, 'batch', 'batches')}."
                )
                break
        return found

    def _reliable(self, found: _ByPicture, first_order: _ByPicture | None) -> bool:
        wanted = self._settings.attention_reliability
        layers = self._importance(found, first_order).layers.values()
        return wanted is not None and all(each.reliability >= wanted for each in layers)

    def _of_all_pictures(self) -> _ByPicture:
        engine, found = _FirstOrder(self._model, self._networks.layers), _ByPicture()
        for batch in self._caches.plain(self._train, EVALUATION_BATCH):
            self._ask.raise_if_ended()
            found.add(engine.measure(batch.images, batch.labels), batch.indices)
            done = int(batch.indices[-1]) + 1
            self._observer.phase(FIRST_ORDER_PHASE, done, len(self._train), "pictures")
        return found

    def _importance(self, found: _ByPicture, first_order: _ByPicture | None) -> Importance:
        values, sample = found.averaged()
        everywhere = None if first_order is None else first_order.averaged()[0]
        layers = {}
        for layer, exact in values.items():
            if everywhere is None:
                estimate, halves = plain_estimate(exact), exact
            else:
                estimate = combined_estimate(everywhere[layer], exact, sample)
                halves = combined_values(everywhere[layer], exact, sample)
            generator = torch.Generator().manual_seed(self._settings.attention_seed)
            layers[layer] = LayerImportance(
                estimate, reliability(estimate), split_half_correlation(halves, generator)
            )
        return Importance(layers, tuple(sample.tolist()))

    def _say_where_it_does_not_help(self, first_order: _ByPicture, found: _ByPicture) -> None:
        values, sample = found.averaged()
        everywhere = first_order.averaged()[0]
        useless = [
            layer
            for layer, exact in values.items()
            if not first_order_helps(everywhere[layer], exact, sample)
        ]
        if useless:
            self._observer.event(
                "warning",
                f"In {some(useless)} the first order tells little of the exact importance: the "
                "sampled pictures alone err less than both together.",
            )

    def _batches(self) -> tuple[int, int, Iterator[tuple[Tensor, Tensor, Tensor]]]:
        """How many batches there are at most and at least, and these.

        Each is (images, labels, places in the training split).
        """
        settings, size = self._settings, self._settings.attention_batch_size
        open_end = settings.attention_reliability is not None
        if settings.attention_pictures == "augmented":
            train = self._caches.train(size, settings.attention_seed)
            least = settings.attention_batches or train.steps_per_epoch
            most = max(least, train.steps_per_epoch) if open_end else least
            return most, least, self._augmented(train, most)
        of_all = -(-len(self._train) // size)
        least = min(settings.attention_batches or of_all, of_all)
        most = of_all if open_end else least
        generator = torch.Generator().manual_seed(settings.attention_seed)
        order = torch.randperm(len(self._train), generator=generator)
        return most, least, self._plain(order[: most * size])

    def _plain(self, order: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        chosen = tuple(self._train[i] for i in order.tolist())
        for batch in self._caches.plain(chosen, self._settings.attention_batch_size):
            yield batch.images, batch.labels, order[batch.indices]

    def _augmented(
        self, train: TrainBatches, wanted: int
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        first = self._settings.head_epochs  # other crops than the head was trained on
        endless = (batch for epoch in count(first) for batch in train.batches(epoch))
        for batch in islice(endless, wanted):
            yield batch.images, batch.labels, batch.indices


class _FirstOrder:
    """First-order importance with the engine's face."""

    def __init__(self, model: nn.Module, layers: tuple[str, ...]) -> None:
        self._model = model
        self._layers = layers

    def measure(
        self,
        images: Tensor,
        labels: Tensor,
        on_filters: Callable[[int], None] = lambda filters: None,
    ) -> dict[str, Tensor]:
        found = first_order_importance(self._model, self._layers, images, labels)
        on_filters(sum(len(values) for values in found.values()))
        return found


class _ByPicture:
    """Importances as they come; a picture drawn in several batches counts once, averaged."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Tensor]] = {}
        self._seen: list[Tensor] = []

    def add(self, importance: dict[str, Tensor], indices: Tensor) -> None:
        """Values (C, N) by layer, and the N pictures' places in the training split."""
        self._seen.append(indices)
        for layer, values in importance.items():
            self._parts.setdefault(layer, []).append(values.cpu())

    def averaged(self) -> tuple[dict[str, Tensor], Tensor]:
        """(C, pictures) by layer, and the pictures' places, ascending."""
        unique, place = torch.cat(self._seen).unique(return_inverse=True)
        counts = torch.bincount(place).double()
        found = {}
        for layer, parts in self._parts.items():
            crops = torch.cat(parts, dim=1).double()
            sums = torch.zeros(crops.shape[0], len(unique), dtype=torch.float64)
            found[layer] = sums.index_add_(1, place, crops) / counts
        return found, unique

"""Batches on the device: cropped and mirrored anew each epoch to train, plain to evaluate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from delta_app.data.augment import crop_and_flip, crop_parameters, epoch_order, normalise
from delta_app.data.cache import PictureCache


@dataclass
class Batch:
    """Some pictures with their labels.

    Attributes:
        images: (N, 3, S, S) float32, normalised, on the device.
        labels: (N,) int64, on the device.
        indices: (N,) int64, on the CPU: which pictures of the cache.
    """

    images: Tensor
    labels: Tensor
    indices: Tensor


class _Loader:
    """What both kinds of batches share: from indices to tensors on the device."""

    def __init__(
        self,
        cache: PictureCache,
        labels: Tensor | Sequence[int],
        *,
        batch_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        device: torch.device | str,
        channels_last: bool,
    ) -> None:
        self._cache = cache
        self._labels = torch.as_tensor(labels, dtype=torch.int64, device="cpu")
        if len(self._labels) != len(cache):
            raise ValueError(f"{len(self._labels)} labels for {len(cache)} pictures")
        self._batch_size = batch_size
        self._device = torch.device(device)
        self._mean = torch.tensor(mean, dtype=torch.float32, device=self._device)
        self._std = torch.tensor(std, dtype=torch.float32, device=self._device)
        self._channels_last = channels_last

    def _to_device(self, tensor: Tensor) -> Tensor:
        """A copy on the device that the CPU does not wait for."""
        if self._device.type == "cpu":
            return tensor
        if self._device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self._device, non_blocking=True)

    def _images(self, pictures: Tensor) -> Tensor:
        """uint8 on the device to normalised float32 in the wanted memory layout."""
        if not self._channels_last:
            pictures = pictures.contiguous()
        return normalise(pictures, self._mean, self._std)

    def _pictures(self, indices: Tensor) -> Tensor:
        return self._to_device(self._cache.pictures(indices))

    def _labels_of(self, indices: Tensor) -> Tensor:
        return self._to_device(self._labels[indices])


class TrainBatches(_Loader):
    """Shuffled, randomly cropped and mirrored batches.

    Order and crops hang on seed, epoch and picture alone, so an epoch can be entered at any
    batch and gives the same ones.
    """

    def __init__(
        self,
        cache: PictureCache,
        labels: Tensor | Sequence[int],
        *,
        batch_size: int,
        crop: int,
        mean: Sequence[float],
        std: Sequence[float],
        seed: int,
        device: torch.device | str,
        channels_last: bool,
    ) -> None:
        super().__init__(
            cache,
            labels,
            batch_size=batch_size,
            mean=mean,
            std=std,
            device=device,
            channels_last=channels_last,
        )
        self._crop = crop
        self._seed = seed
        self._sizes = batch_sizes(len(cache), batch_size)

    @property
    def steps_per_epoch(self) -> int:
        """Batches an epoch."""
        return len(self._sizes)

    def batches(self, epoch: int, start_batch: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from the given one on."""
        for indices in self.indices(epoch)[start_batch:]:
            yield self.batch(epoch, indices)

    def indices(self, epoch: int) -> tuple[Tensor, ...]:
        """Which pictures each batch of an epoch holds, (N,) int64 each."""
        return epoch_order(self._seed, epoch, len(self._cache)).split(self._sizes)

    def batch(self, epoch: int, indices: Tensor) -> Batch:
        """These pictures as the epoch crops and mirrors them."""
        keys = self._cache.keys[indices]
        places = crop_parameters(self._seed, epoch, keys, self._cache.size, self._crop)
        top, left, flip = (self._to_device(each) for each in places)
        pictures = crop_and_flip(self._pictures(indices), top, left, flip, self._crop)
        return Batch(self._images(pictures), self._labels_of(indices), indices)


class PlainBatches(_Loader):
    """All pictures in the cache's order, as they are."""

    @property
    def pictures(self) -> int:
        return len(self._cache)

    def __len__(self) -> int:
        return -(-len(self._cache) // self._batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for indices in torch.arange(len(self._cache)).split(self._batch_size):
            yield self.batch(indices)

    def batch(self, indices: Tensor) -> Batch:
        """These pictures, (N,) int64 on the CPU."""
        return Batch(self._images(self._pictures(indices)), self._labels_of(indices), indices)


def batch_sizes(n: int, batch_size: int) -> list[int]:
    """Sizes of an epoch's batches; the last may be smaller.

    A last batch of a single picture would leave BatchNorm nothing to take statistics over, so
    it joins the batch before.
    """
    whole, rest = divmod(n, batch_size)
    sizes = [batch_size] * whole
    if rest == 1 and sizes:
        sizes[-1] += 1
    elif rest:
        sizes.append(rest)
    return sizes

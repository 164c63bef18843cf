"""What a trained network says of pictures it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from delta_app.data.augment import normalise
from delta_app.data.decode import decoded, read_bytes
from delta_app.errors import DatasetError
from delta_app.models.preprocessing import Preprocessing
from delta_app.runs.records import RunRecord
from delta_app.services.trained_model import trained_model

BATCH_SIZE = 32


@dataclass(frozen=True)
class Prediction:
    """A probability for every class, in the order of `classes`; they sum to 1."""

    picture: str
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]

    def top(self, most: int) -> list[tuple[str, float]]:
        """The likeliest classes with their probabilities, likeliest first."""
        pairs = zip(self.classes, self.probabilities, strict=True)
        return sorted(pairs, key=lambda pair: -pair[1])[:most]


class Classifier:
    """A trained run's network on the CPU, in eval mode, with what it takes and answers.

    Pictures go in as the run's own validation and test pictures did: resized to the square
    that the network sees, not cropped.
    """

    def __init__(self, run: RunRecord) -> None:
        model = trained_model(run)
        self.classes = model.classes
        self.preprocessing = model.preprocessing
        self._network = model.network()

    def probabilities(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Softmax of the network's answers, (N, classes), for N pictures of mode RGB."""
        return self._softmax([_square(picture, self.preprocessing) for picture in pictures])

    def probabilities_of_files(self, names: Sequence[str]) -> Tensor:
        """The same of picture files; each is made small before the next is opened.

        Raises:
            DatasetError: a file cannot be read as a picture; it names the file.
        """
        return self._softmax([_opened(name, self.preprocessing) for name in names])

    def _softmax(self, squares: Sequence[Tensor]) -> Tensor:
        """Of pictures as uint8, (3, size, size) each."""
        batch = torch.stack(list(squares))
        images = normalise(batch, self.preprocessing.mean, self.preprocessing.std)
        with torch.inference_mode():
            logits = self._network(images).float()  # (N, classes)
        # Where the network runs away, as its evaluation counts it.
        return logits.nan_to_num().softmax(dim=1)


def _square(picture: Image.Image, to: Preprocessing) -> Tensor:
    """The picture as uint8 (3, size, size)."""
    resized = picture.resize((to.size, to.size), Image.Resampling[to.interpolation.upper()])
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1)


def predict(
    run: RunRecord,
    pictures: Sequence[str | Path],
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Prediction]:
    """What a run's network says of picture files, in their order.

    Raises:
        RunError: the run has no trained network.
        DatasetError: a file cannot be read as a picture; it names the file.
    """
    classifier = Classifier(run)
    found: list[Prediction] = []
    for start in range(0, len(pictures), BATCH_SIZE):
        names = [str(each) for each in pictures[start : start + BATCH_SIZE]]
        rows = classifier.probabilities_of_files(names).tolist()
        found += [
            Prediction(name, classifier.classes, tuple(row))
            for name, row in zip(names, rows, strict=True)
        ]
        if on_progress:
            on_progress(len(found), len(pictures))
    return found


def _opened(name: str, to: Preprocessing) -> Tensor:
    try:
        with decoded(read_bytes(name)) as picture:
            return _square(picture, to)
    except DatasetError as error:
        raise DatasetError(
            f"{name} {error.message}.", cure="Check the path, or leave it out."
        ) from error

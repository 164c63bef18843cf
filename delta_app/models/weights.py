"""Fitting a file's tensors to a network by name and shape, and saying how well they fit."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from delta_app.errors import WeightsError
from delta_app.formatting import counted, some
from delta_app.models.catalog import backbone
from delta_app.models.construction import meta_network
from delta_app.models.head import head_of
from delta_app.models.weights_file import load_state, weights_path

__all__ = ["WEIGHTS_WORDS", "LoadReport", "check_weights", "digest_of", "fit", "load_state"]

WEIGHTS_WORDS = ("default", "random")
"""What `weights` may be besides the path of a file."""

_COUNTER = "num_batches_tracked"
"""BatchNorm's step counter: not a weight, missing in old files, without effect on any output."""


@dataclass(frozen=True)
class LoadReport:
    """What became of the tensors of a weights file.

    Attributes:
        source: the file, or what the weights are called where there is none.
        loaded: tensors taken from the file.
        missing: the network's tensors that the file lacks.
        left_over: the file's tensors that the network has no place for.
        other_shape: tensors of the right name whose shape or kind differs, with both.
        digest: sha256 of the backbone's tensors that were taken, the head's left out.
        prefix: what stood before every name in the file and was taken off.
        head: name of the network's head, which fine-tuning replaces anyway.
    """

    source: str
    loaded: int
    missing: tuple[str, ...]
    left_over: tuple[str, ...]
    other_shape: tuple[str, ...]
    digest: str
    prefix: str = ""
    head: str = ""

    @property
    def complete(self) -> bool:
        """Whether every tensor of the backbone was loaded, the head's apart."""
        lacking = (*self.missing, *self.other_shape)
        return self.loaded > 0 and all(n.startswith(f"{self.head}.") for n in lacking)

    def summary(self) -> str:
        """What loaded, what was missing, what was left over, in sentences."""
        if not self.loaded:
            return f"{self.source[:1].upper()}{self.source[1:]}: nothing is loaded from a file."
        total = self.loaded + len(self.missing) + len(self.other_shape)
        said = [f"{self.loaded} of {counted(total, 'tensor')} loaded from {self.source}."]
        if self.prefix:
            said.append(f"The prefix {self.prefix} was taken off their names.")
        if self.missing:
            said.append(f"Missing, so left at random: {some(self.missing)}.")
        if self.other_shape:
            said.append(f"Of another shape, so left at random: {some(self.other_shape)}.")
        if self.left_over:
            said.append(f"Left over in the file: {some(self.left_over)}.")
        if self.complete and (self.missing or self.other_shape):
            said.append("That is the head alone, which fine-tuning replaces.")
        return " ".join(said)


def digest_of(tensors: Mapping[str, Tensor]) -> str:
    """sha256 over names, types, shapes and values; the file format and the order do not count."""
    sha = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        sha.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return sha.hexdigest()


def backbone_digest(model: nn.Module) -> str:
    """The digest of a network's weights and statistics, its head's left out."""
    head = head_of(model)[0]
    return digest_of(
        {n: t for n, t in model.state_dict().items() if _counts(n) and not _of_head(n, head)}
    )


def fit(
    state: Mapping[str, Tensor], network: nn.Module, source: str
) -> tuple[dict[str, Tensor], LoadReport]:
    """The tensors of `state` that have a place in `network`, and the report.

    A prefix that stands before the names in the file (`module.`, `backbone.`, `encoder_q.` ...)
    is found as the one under which most names are the network's. Tensors come back in the
    network's types.

    Args:
        network: of which names, shapes and types count; may be on the meta device.

    Raises:
        WeightsError: less than half of the backbone's tensors are in the file, or values that
            are not finite; its field is weights.
    """
    expected = {n: t for n, t in network.state_dict().items() if _counts(n)}
    head = head_of(network)[0]
    state, prefix, outside = _without_prefix(state, expected)
    taken: dict[str, Tensor] = {}
    missing, other_shape = [], []
    for name, place in expected.items():
        tensor = state.get(name)
        if tensor is None:
            missing.append(name)
        elif tensor.shape != place.shape or not tensor.is_floating_point():
            other_shape.append(f"{name} {_shape(tensor)} for {_shape(place)}")
        else:
            taken[name] = tensor.to(place.dtype)
    report = LoadReport(
        source=source,
        loaded=len(taken),
        missing=tuple(missing),
        left_over=(*(n for n in state if n not in expected and _counts(n)), *outside),
        other_shape=tuple(other_shape),
        digest=digest_of({n: t for n, t in taken.items() if not _of_head(n, head)}),
        prefix=prefix,
        head=head,
    )
    _refuse_misfit(report, expected, state)
    _refuse_not_finite(taken, source)
    return taken, report


def check_weights(name: str, weights: str) -> LoadReport | None:
    """How a weights file fits a backbone, without building the network.

    Args:
        weights: a path; for "default" and "random" there is nothing to check, and None returned.

    Raises:
        BackboneError: an unknown backbone.
        WeightsError: the file cannot be read or does not fit; its field is weights.
    """
    backbone(name)
    if weights in WEIGHTS_WORDS:
        return None
    path = weights_path(weights)
    return fit(load_state(path), meta_network(name), str(path))[1]


def _counts(name: str) -> bool:
    return not name.endswith(_COUNTER)


def _of_head(name: str, head: str) -> bool:
    return name.startswith(f"{head}.")


def _shape(tensor: Tensor) -> str:
    kind = "" if tensor.is_floating_point() else f" of {str(tensor.dtype).removeprefix('torch.')}"
    return f"({', '.join(map(str, tensor.shape))}){kind}"


def _without_prefix(
    state: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], str, tuple[str, ...]]:
    """The state under the prefix that fits best, that prefix, and the names outside it."""
    state = {_with_todays_name(name): tensor for name, tensor in state.items()}
    votes: Counter[str] = Counter()
    for name in state:
        parts = name.split(".")
        for depth in range(len(parts)):
            if ".".join(parts[depth:]) in expected:
                votes["".join(f"{part}." for part in parts[:depth])] += 1
    if not votes:
        return dict(state), "", ()
    prefix = votes.most_common(1)[0][0]
    inside = {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
    return inside, prefix, tuple(n for n in state if not n.startswith(prefix))


def _with_todays_name(name: str) -> str:
    """DenseNet files, torchvision's own too, say norm.1 and conv.2 for today's norm1 and conv2."""
    if "denselayer" not in name:
        return name
    for layer in ("norm", "relu", "conv"):
        for number in ("1", "2"):
            name = name.replace(f".{layer}.{number}.", f".{layer}{number}.")
    return name


def _refuse_misfit(
    report: LoadReport, expected: Mapping[str, Tensor], state: Mapping[str, Tensor]
) -> None:
    places = [n for n in expected if not _of_head(n, report.head)]
    lacking = {n.split(" ")[0] for n in (*report.missing, *report.other_shape)}
    fitting = sum(n not in lacking for n in places)
    if 2 * fitting >= len(places):
        return
    wanted = [f"{n} {_shape(expected[n])}" for n in places]
    found = [f"{n} {_shape(t)}" for n, t in state.items()]
    raise WeightsError(
        f"{report.source} does not fit: {fitting} of the backbone's "
        f"{counted(len(places), 'tensor')} are in it. Expected {some(wanted, 3)}; "
        f"found {some(found, 3)}.",
        cure="Choose the backbone the file was trained with, or another file.",
        field="weights",
    )


def _refuse_not_finite(taken: Mapping[str, Tensor], source: str) -> None:
    broken = [name for name, tensor in taken.items() if not tensor.isfinite().all()]
    if broken:
        raise WeightsError(
            f"{source} holds values that are not finite, in {some(broken)}.",
            cure="The training that wrote it diverged: use an earlier file.",
            field="weights",
        )

"""Fitting weights to a network: prefixes, shapes, reports, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from delta_app.errors import BackboneError, WeightsError
from delta_app.models.construction import meta_network, random_network
from delta_app.models.weights import check_weights, digest_of, fit

NAME = "squeezenet1_1"
HEAD = "classifier.1"


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return dict(random_network(NAME, seed=0).state_dict())


def test_a_file_of_the_same_network_fits_wholly(state: dict[str, Tensor]) -> None:
    taken, report = fit(state, meta_network(NAME), "mine.pth")
    assert set(taken) == set(state)
    assert (report.loaded, report.missing, report.left_over, report.other_shape) == (
        52,
        (),
        (),
        (),
    )
    assert report.complete
    assert report.summary() == "52 of 52 tensors loaded from mine.pth."


@pytest.mark.parametrize("prefix", ["module.", "backbone.", "model.encoder_q.", "0."])
def test_a_common_prefix_is_taken_off_and_said(prefix: str, state: dict[str, Tensor]) -> None:
    prefixed = {f"{prefix}{n}": t for n, t in state.items()}
    taken, report = fit(prefixed | {"queue": torch.zeros(2)}, meta_network(NAME), "mine.pth")
    assert set(taken) == set(state)
    assert report.prefix == prefix
    assert report.left_over == ("queue",)
    assert f"The prefix {prefix} was taken off" in report.summary()


def test_of_two_networks_in_a_file_the_first_is_taken(state: dict[str, Tensor]) -> None:
    both = {f"encoder_q.{n}": t for n, t in state.items()}
    both |= {f"encoder_k.{n}": t + 1 for n, t in state.items()}
    taken, report = fit(both, meta_network(NAME), "moco.pth")
    assert all(torch.equal(taken[n], state[n]) for n in state)
    assert len(report.left_over) == 52


def test_a_head_of_another_size_is_reported_not_loaded(state: dict[str, Tensor]) -> None:
    changed = state | {
        f"{HEAD}.weight": torch.zeros(10, 512, 1, 1),
        f"{HEAD}.bias": torch.zeros(10),
    }
    taken, report = fit(changed, meta_network(NAME), "mine.pth")
    assert set(taken) == set(state) - {f"{HEAD}.weight", f"{HEAD}.bias"}
    assert report.other_shape == (
        f"{HEAD}.weight (10, 512, 1, 1) for (1000, 512, 1, 1)",
        f"{HEAD}.bias (10) for (1000)",
    )
    assert report.complete
    assert "That is the head alone" in report.summary()


def test_missing_and_left_over_are_named(state: dict[str, Tensor]) -> None:
    partial = {n: t for n, t in state.items() if n != "features.0.bias"}
    _, report = fit(partial | {"projector.weight": torch.zeros(3)}, meta_network(NAME), "x.pt")
    assert report.missing == ("features.0.bias",)
    assert report.left_over == ("projector.weight",)
    assert not report.complete
    assert report.summary() == (
        "51 of 52 tensors loaded from x.pt. Missing, so left at random: features.0.bias. "
        "Left over in the file: projector.weight."
    )


def test_half_precision_becomes_the_networks_type(state: dict[str, Tensor]) -> None:
    taken, _ = fit({n: t.half() for n, t in state.items()}, meta_network(NAME), "half.pth")
    assert {t.dtype for t in taken.values()} == {torch.float32}


def test_integers_are_no_weights(state: dict[str, Tensor]) -> None:
    name = "features.0.bias"
    whole = state | {name: torch.zeros(64, dtype=torch.int8)}
    _, report = fit(whole, meta_network(NAME), "x.pth")
    assert report.other_shape == (f"{name} (64) of int8 for (64)",)


def test_batchnorms_counter_is_neither_missing_nor_left_over() -> None:
    full = dict(random_network("shufflenet_v2_x0_5", seed=0).state_dict())
    without = {n: t for n, t in full.items() if not n.endswith("num_batches_tracked")}
    assert len(without) < len(full)
    network = meta_network("shufflenet_v2_x0_5")
    reports = [fit(s, network, "x.pth")[1] for s in (full, without)]
    assert reports[0] == reports[1]
    assert reports[0].missing == reports[0].left_over == ()


def test_densenets_old_names_are_understood() -> None:
    state = dict(random_network("densenet121", seed=0).state_dict())
    old = {}
    for name, tensor in state.items():
        for layer in ("norm1", "norm2", "conv1", "conv2"):
            name = name.replace(f".{layer}.", f".{layer[:4]}.{layer[4]}.")  # norm.1, as files say
        old[name] = tensor
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    taken, report = fit(old, meta_network("densenet121"), "densenet121.pth")
    assert report.missing == report.left_over == ()
    assert torch.equal(
        taken["features.denseblock2.denselayer3.conv2.weight"],
        state["features.denseblock2.denselayer3.conv2.weight"],
    )


def test_a_file_that_does_not_fit_names_what_was_expected_and_found(
    state: dict[str, Tensor],
) -> None:
    with pytest.raises(WeightsError) as caught:
        fit(state, meta_network("resnet18"), "squeeze.pth")
    error = caught.value
    assert error.field == "weights"
    assert "squeeze.pth does not fit: 0 of the backbone's 100 tensors are in it" in error.message
    assert "Expected conv1.weight (64, 3, 7, 7)" in error.message
    assert "found features.0.weight (64, 3, 3, 3)" in error.message


def test_less_than_half_of_the_backbone_does_not_fit(state: dict[str, Tensor]) -> None:
    backbone = [n for n in state if not n.startswith(HEAD)]
    assert len(backbone) == 50
    half = {n: state[n] for n in backbone[:25]}
    assert fit(half, meta_network(NAME), "x.pth")[1].loaded == 25
    half.popitem()
    head = {n: state[n] for n in state if n.startswith(HEAD)}  # counts for nothing
    with pytest.raises(WeightsError, match="24 of the backbone's 50 tensors"):
        fit(half | head, meta_network(NAME), "x.pth")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(value: float, state: dict[str, Tensor]) -> None:
    broken = state["features.0.bias"].clone()
    broken[3] = value
    with pytest.raises(WeightsError, match=r"not finite, in features\.0\.bias"):
        fit(state | {"features.0.bias": broken}, meta_network(NAME), "x.pth")


def test_the_digest_is_of_names_and_values_alone(state: dict[str, Tensor]) -> None:
    digest = digest_of(state)
    reordered = dict(reversed(list(state.items())))
    assert digest_of(reordered) == digest
    last = {
        n: t.to(memory_format=torch.channels_last) if t.ndim == 4 else t for n, t in state.items()
    }
    assert digest_of(last) == digest
    changed = state["features.0.bias"].clone()
    changed[0] += 1e-6
    assert digest_of(state | {"features.0.bias": changed}) != digest
    renamed = {n.replace("features.0", "features.00"): t for n, t in state.items()}
    assert digest_of(renamed) != digest


def test_the_reports_digest_leaves_the_head_out(state: dict[str, Tensor]) -> None:
    network = meta_network(NAME)
    changed = state | {f"{HEAD}.bias": state[f"{HEAD}.bias"] + 1}
    one, other = (fit(s, network, "x.pth")[1].digest for s in (state, changed))
    assert one == other


def test_checking_reads_the_file_alone(state: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save(state, path)
    report = check_weights(NAME, str(path))
    assert report is not None
    assert report.complete
    assert check_weights(NAME, "default") is None
    assert check_weights(NAME, "random") is None
    with pytest.raises(BackboneError):
        check_weights("resnet1", "random")


@pytest.mark.data
def test_the_unfolded_mobilenet_loads_wholly(test_data: Path) -> None:
    path = test_data / "weights" / "mobilenet_v2_imagenet_unfolded.pth"
    report = check_weights("mobilenet_v2", str(path))
    assert report is not None
    assert report.loaded == 262
    assert report.missing == report.left_over == report.other_shape == ()

"""Each estimator on a small run: what it measures, on how much, and what it says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from delta_app.attention.artifact import ChannelAttention, load_attention
from delta_app.attention.by_picture import ByPicture, load_by_picture
from delta_app.data.records import Splits
from delta_app.models.build import build_source, build_target
from delta_app.models.head import head_of
from delta_app.models.preprocessing import preprocessing
from delta_app.training.loop import measure_attention
from delta_app.training.observer import Unstoppable
from delta_app.training.run_config import RunConfig
from delta_app.training.weights_files import load_saved

Config = Callable[..., RunConfig]
Measure = Callable[..., ChannelAttention]


def folder_of(tmp_path: Path, settings: dict[str, Any]) -> Path:
    return tmp_path / "_".join(map(str, ["m", *settings.values()]))


@pytest.fixture
def measure(config: Config, tmp_path: Path, watcher: Any) -> Measure:
    """An attention of 18 training pictures, in batches of 6 where nothing else is said."""

    def run(**settings: Any) -> ChannelAttention:
        folder = folder_of(tmp_path, settings)
        asked = {"head_epochs": 2, "attention_batch_size": 6} | settings
        measure_attention(config("delta", **asked), folder, watcher, Unstoppable())
        return load_attention(folder / "attention.json")

    return run


@pytest.mark.slow
def test_exact_and_first_order_are_two_quantities_that_agree_in_part(measure: Measure) -> None:
    exact = measure(estimator="exact", attention_batches=None)
    slope = measure(estimator="first-order", attention_batches=None)
    assert len(exact.pictures) == len(slope.pictures) == 18
    for name, layer in exact.layers.items():
        other = slope.layers[name].importance
        assert not torch.allclose(layer.importance, other, rtol=1e-3, atol=0)
    last = list(exact.layers)[-1]
    pair = torch.stack([exact.layers[last].importance, slope.layers[last].importance])
    assert torch.corrcoef(pair)[0, 1] > 0.5


@pytest.mark.slow
def test_combined_on_all_pictures_is_exact(measure: Measure) -> None:
    exact = measure(estimator="exact", attention_batches=None)
    both = measure(estimator="combined", attention_batches=None)
    for name, layer in exact.layers.items():
        found = both.layers[name]
        torch.testing.assert_close(found.importance, layer.importance, rtol=1e-6, atol=1e-12)
        torch.testing.assert_close(found.standard_error, layer.standard_error)


@pytest.mark.slow
def test_combined_on_a_sample_uses_all_pictures_and_says_so(measure: Measure, watcher: Any) -> None:
    alone = measure(estimator="exact", attention_batches=1)
    both = measure(estimator="combined", attention_batches=1)
    assert len(alone.pictures) == len(both.pictures) == 6
    assert ("measuring first order", 18, 18, "pictures") in watcher.phases
    for name, layer in alone.layers.items():
        assert not torch.allclose(both.layers[name].importance, layer.importance)


@pytest.mark.slow
def test_until_reliable_goes_on_past_the_batches_until_it_is_or_pictures_run_out(
    measure: Measure,
) -> None:
    never = measure(attention_batches=1, attention_reliability=0.999999)
    assert len(never.pictures) == 18
    after_two = measure(attention_batches=2)
    reached = min(layer.reliability for layer in after_two.layers.values())
    assert reached > 0, "else this test shows nothing"
    soon = measure(attention_batches=2, attention_reliability=0.99 * reached)
    assert soon.pictures == after_two.pictures
    later = measure(attention_batches=2, attention_reliability=min(1.01 * reached, 0.999999))
    assert len(later.pictures) == 18


@pytest.mark.slow
def test_every_layer_says_how_well_it_is_known(measure: Measure) -> None:
    for name, layer in measure(attention_batches=None).layers.items():
        assert 0 <= layer.reliability <= 1, name
        assert -1 <= layer.split_half <= 1, name


@pytest.mark.slow
def test_an_unlike_sample_is_put_right_by_the_slope_of_all(measure: Measure) -> None:
    """The two estimators of a sample differ by what the first order says of sample and all."""
    both = measure(estimator="combined", attention_batches=1)
    alone = measure(estimator="exact", attention_batches=1)
    slope_of_all = measure(estimator="first-order", attention_batches=None)
    slope_of_sample = measure(estimator="first-order", attention_batches=1)
    for name, layer in both.layers.items():
        moved = slope_of_all.layers[name].importance - slope_of_sample.layers[name].importance
        torch.testing.assert_close(
            layer.importance, alone.layers[name].importance + moved, rtol=1e-5, atol=1e-9
        )


def by_picture(tmp_path: Path, settings: dict[str, Any]) -> ByPicture:
    return load_by_picture(folder_of(tmp_path, settings) / "by_picture.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["exact", "first-order"])
def test_the_values_by_picture_give_the_importance_of_all_and_of_each_class(
    estimator: str, measure: Measure, tmp_path: Path
) -> None:
    settings = {"estimator": estimator, "attention_batches": 2}
    measured, kept = measure(**settings), by_picture(tmp_path, settings)
    assert kept.pictures == measured.pictures
    assert kept.classes == ("blue", "green", "red")
    split = json.loads((folder_of(tmp_path, settings) / "split.json").read_text())
    labels = {picture["digest"]: picture["label"] for picture in split["train"]}
    assert kept.labels.tolist() == [labels[digest] for digest in kept.pictures]
    assert kept.train == tuple(picture["digest"] for picture in split["train"])
    for name, layer in measured.layers.items():
        values = kept.layers[name].importance
        assert values is not None
        assert values.shape == (len(layer.importance), 12)
        in_float32 = {"rtol": 1e-4, "atol": 1e-7}
        torch.testing.assert_close(values.double().mean(1), layer.importance, **in_float32)
        for label in range(3):
            own = values[:, kept.labels == label]
            by_class, error = kept.layers[name].by_class, kept.layers[name].by_class_error
            torch.testing.assert_close(by_class[label], own.mean(1), **in_float32)
            torch.testing.assert_close(error[label], own.std(1) / own.shape[1] ** 0.5, **in_float32)


@pytest.mark.slow
def test_where_memory_forbids_only_the_values_by_picture_are_left_out(
    measure: Measure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {"estimator": "combined", "attention_batches": 2}
    kept, whole = measure(**settings), by_picture(tmp_path, settings)
    monkeypatch.setattr("delta_app.training.importance.BY_PICTURE_BYTES", 1000)
    settings |= {"temperature": 5.5}  # another key, so that it is measured again
    summed, rest = measure(**settings), by_picture(tmp_path, settings)
    assert rest.pictures == whole.pictures
    for name, layer in kept.layers.items():
        for field in ("importance", "standard_error"):
            one, other = getattr(layer, field), getattr(summed.layers[name], field)
            torch.testing.assert_close(other, one, rtol=1e-9, atol=1e-15)
        assert summed.layers[name].reliability == pytest.approx(layer.reliability)
        assert summed.layers[name].split_half == pytest.approx(layer.split_half)
        assert whole.layers[name].importance is not None
        assert rest.layers[name].importance is None
        of_sums, of_values = rest.layers[name].by_class, whole.layers[name].by_class
        torch.testing.assert_close(of_sums, of_values, equal_nan=True)


@pytest.mark.slow
def test_what_excites_a_filter_is_found_among_all_training_pictures(
    measure: Measure, tmp_path: Path, watcher: Any
) -> None:
    """Against the source's own forward on the pictures, read and resized another way."""
    settings = {"attention_batches": 1}
    measure(**settings)
    kept, folder = by_picture(tmp_path, settings), folder_of(tmp_path, settings)
    assert ("looking at the pictures", 18, 18, "pictures") in watcher.phases
    source = build_source("shufflenet_v2_x0_5", "random")
    model = build_target(source, 3, torch.Generator()).eval()
    head_of(model)[1].load_state_dict(load_saved(folder / "head.safetensors"))
    images = plain_pictures(Splits.from_json(json.loads((folder / "split.json").read_text())))
    for name, layer in kept.layers.items():
        outputs: list[Tensor] = []
        handle = model.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, outputs=outputs: outputs.append(output.clone())
        )
        with torch.no_grad():
            model(images)
        handle.remove()
        peaks = outputs[0].amax(dim=(2, 3)).T  # (C, 18)
        close = {"rtol": 1e-4, "atol": 1e-5}
        best = peaks.sort(dim=1, descending=True).values[:, :9]
        torch.testing.assert_close(layer.excitation, best, **close)
        there = peaks.gather(1, layer.excited_by.long())
        torch.testing.assert_close(layer.excitation, there, **close)


def plain_pictures(splits: Splits) -> Tensor:
    """The training pictures as the network sees them, (N, 3, 64, 64)."""
    from delta_app.data.decode import open_rgb  # here: the test reads pictures its own way

    size = preprocessing("shufflenet_v2_x0_5", 64)
    transform = v2.Compose(
        [
            v2.Resize((64, 64), antialias=True),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(size.mean, size.std),
        ]
    )
    return torch.stack([transform(open_rgb(picture.path)) for picture in splits.train])

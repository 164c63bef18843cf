"""The pictures that excite a filter most: which, how much, and what is laid over them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from small_runs import SmallRuns, copied
from torch import Tensor

from delta_app.data.augment import normalise
from delta_app.data.cache import resized
from delta_app.inspection.overlay import overlay
from delta_app.inspection.scale import Scale
from delta_app.models.build import build_source
from delta_app.models.preprocessing import preprocessing
from delta_app.services import measured_attention, runs
from delta_app.services.exciting_pictures import Exciting, exciting_pictures
from delta_app.services.looked_at import from_split
from delta_app.services.run_pictures import pictures_of

FILTER = 7


@pytest.fixture
def small(tmp_path: Path) -> SmallRuns:
    return copied(tmp_path / "runs")


def measurement(small: SmallRuns) -> measured_attention.Measurement:
    found = measured_attention.measurement(runs.get_run(small.delta, small.runs_dir))
    assert found is not None
    return found


def channels(small: SmallRuns, layer: str) -> dict[str, tuple[np.ndarray, Tensor]]:
    """File name -> (what the source sees, its channel), of every training picture."""
    run = runs.get_run(small.delta, small.runs_dir)
    source = build_source("shufflenet_v2_x0_5", "random").model.eval()
    kept: list[Tensor] = []
    source.get_submodule(layer).register_forward_hook(lambda m, i, o: kept.append(o))
    size = preprocessing("shufflenet_v2_x0_5", 64)
    found = {}
    for each in pictures_of(run).select("train"):
        pixels = np.array(resized(from_split(each).read(), size.size, size.interpolation))
        batch = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        with torch.no_grad():
            source(normalise(batch, size.mean, size.std))
        found[each.picture.relative] = pixels, kept.pop()[0, FILTER]
    return found


def test_the_pictures_with_the_largest_values_painted_on_one_scale(small: SmallRuns) -> None:
    of = measurement(small)
    layer = of.layers[0]
    found = exciting_pictures(of, layer, FILTER)
    seen = channels(small, layer)
    values = {name: float(channel.max()) for name, (_, channel) in seen.items()}
    best = sorted(values.values(), reverse=True)[:9]
    assert [each.value for each in found.pictures] == pytest.approx(best, rel=1e-4, abs=1e-5)
    assert found.painted
    assert found.problem is None
    shown = [seen[each.name] for each in found.pictures]
    scale = Scale(min(float(c.min()) for _, c in shown), max(float(c.max()) for _, c in shown))
    for each, (pixels, channel) in zip(found.pictures, shown, strict=True):
        expected = overlay(pixels, channel, scale, "magma")
        assert each.shown is not None
        assert np.abs(each.shown.astype(int) - expected).max() <= 2  # a level of rounding


def test_each_picture_says_its_file_and_class(small: SmallRuns) -> None:
    of = measurement(small)
    for each in exciting_pictures(of, of.layers[0], FILTER).pictures:
        assert each.name.split("/")[-2] == each.class_name


def test_a_picture_whose_file_is_gone_leaves_its_place(small: SmallRuns) -> None:
    of = measurement(small)
    run = of.run
    split = json.loads((run.folder / "split.json").read_text())
    text = json.dumps(split).replace(str(small.data), "/nowhere")
    (run.folder / "split.json").write_text(text)
    found = exciting_pictures(of, of.layers[0], FILTER + 1)
    assert len(found.pictures) == 9
    assert all(each.shown is None for each in found.pictures)


def test_without_its_network_the_pictures_stay_and_the_reason_is_said(small: SmallRuns) -> None:
    file = small.folder(small.delta) / "attention.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"weights_digest": "0" * 64, "key": "another"}))
    of = measurement(small)
    found = exciting_pictures(of, of.layers[0], FILTER)
    assert not found.painted
    assert found.problem is not None
    assert "no longer those" in found.problem.message
    assert all(isinstance(each, Exciting) and each.shown is not None for each in found.pictures)


def test_older_measurements_know_none(small: SmallRuns) -> None:
    (small.folder(small.delta) / "by_picture.safetensors").unlink()
    of = measurement(small)
    assert exciting_pictures(of, of.layers[-1], FILTER).pictures == ()

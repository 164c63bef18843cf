"""Looking inside a run, against torchvision's own transforms, plain hooks and DELTA's penalty."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file, save_file
from small_runs import SmallRuns, copied, small_config, small_runs
from torchvision.transforms import v2

from delta_app.errors import DatasetError, RunError, WeightsError
from delta_app.inspection.overlay import overlay
from delta_app.models.build import build_source
from delta_app.models.feature_maps import count_hooks
from delta_app.regularizers.delta import attention_weighted_distance
from delta_app.runs.opened import opened
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.services import inspected_networks, inspection
from delta_app.services.inspection import (
    Inspector,
    LookedAt,
    from_split,
    inspectable,
    painted,
    uploaded,
)
from delta_app.services.run_pictures import pictures_of
from delta_app.services.runs import get_run, submit
from delta_app.services.weighting import UNIFORM_WEIGHTING

SNAPSHOT = "snapshot.safetensors"


@pytest.fixture(scope="module")
def small() -> SmallRuns:
    return small_runs()


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    inspected_networks._networks.forget(lambda key: True)
    inspected_networks._seen.forget(lambda key: True)


def first_test_picture(small: SmallRuns, run_id: str) -> LookedAt:
    return from_split(pictures_of(get_run(run_id, small.runs_dir)).select(split="test")[0])


def by_hand(run: RunRecord, path: str) -> tuple[torch.Tensor, dict, dict]:
    """Probabilities and both networks' maps by torchvision and plain hooks alone."""
    about = json.loads((run.folder / "model.json").read_text())
    size = about["preprocessing"]
    prepare = v2.Compose(
        [
            v2.Resize([64, 64], v2.InterpolationMode(size["interpolation"])),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(size["mean"], size["std"]),
        ]
    )
    images = prepare(Image.open(path).convert("RGB"))[None]
    target = torchvision.models.get_model(run.backbone, num_classes=3)
    target.load_state_dict(load_file(run.folder / "best.safetensors"))
    source = build_source(run.backbone, "random").model
    answers = []
    for model in (source.eval(), target.eval()):
        maps = {}
        modules = dict(model.named_modules())
        for layer in about["behaviour_layers"]:
            modules[layer].register_forward_hook(
                lambda m, i, output, layer=layer, maps=maps: maps.update({layer: output.clone()})
            )
        with torch.no_grad():
            answers.append((model(images)[0], maps))
    return answers[1][0].softmax(0), answers[0][1], answers[1][1]


def test_probabilities_are_those_the_run_tested_with(small) -> None:
    run = get_run(small.delta, small.runs_dir)
    kept = json.loads((run.folder / "predictions.json").read_text())["test"]["pictures"][0]
    inspector = Inspector(small.delta, small.runs_dir)
    found = dict(inspector.probabilities(first_test_picture(small, small.delta)))
    assert [found[c] for c in inspector.classes] == pytest.approx(kept["probabilities"], abs=1e-5)
    shares = list(found.values())
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)


def test_the_true_class_is_among_the_likeliest_shown(small) -> None:
    inspector = Inspector(small.delta, small.runs_dir)
    picture = first_test_picture(small, small.delta)
    answers = inspector.probabilities(picture)
    least = replace(picture, true_class=answers[-1][0])
    assert inspector.likeliest(least, 2) == (answers[0], answers[-1])
    assert inspector.likeliest(replace(picture, true_class=None), 2) == answers[:2]
    assert inspector.likeliest(replace(picture, true_class=answers[1][0]), 2) == answers[:2]


def test_drift_sums_to_deltas_penalty_of_that_picture(small) -> None:
    run = get_run(small.delta, small.runs_dir)
    inspector = Inspector(small.delta, small.runs_dir)
    picture = first_test_picture(small, small.delta)
    _, source, target = by_hand(run, picture.path)
    stored = json.loads((run.folder / "attention.json").read_text())["layers"]
    attention = {each["name"]: torch.tensor(each["attention"]) for each in stored}
    penalty = attention_weighted_distance(target, source, attention)
    drifted = [inspector.overlays(picture, layer).drift_total for layer in inspector.layers]
    assert sum(drifted) == pytest.approx(float(penalty), rel=1e-4)
    assert float(penalty) > 0


def test_maps_are_the_networks_own(small) -> None:
    run = get_run(small.l2, small.runs_dir)
    inspector = Inspector(small.l2, small.runs_dir)
    picture = first_test_picture(small, small.l2)
    _, source, target = by_hand(run, picture.path)
    layer = inspector.layers[-1]
    maps = inspector.maps(picture, layer)
    # Uniform W: the mean of |FM| over channels.
    torch.testing.assert_close(maps.source, source[layer][0].abs().mean(0), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(maps.target, target[layer][0].abs().mean(0), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(maps.difference, maps.target - maps.source)


def test_the_picture_is_what_the_network_saw(small) -> None:
    inspector = Inspector(small.l2, small.runs_dir)
    picture = first_test_picture(small, small.l2)
    resize = v2.Resize([64, 64], v2.InterpolationMode(inspector.preprocessing.interpolation))
    expected = np.array(resize(Image.open(picture.path).convert("RGB")))
    assert (inspector.transformed(picture) == expected).all()


def test_source_and_target_are_painted_on_one_scale(small) -> None:
    inspector = Inspector(small.delta, small.runs_dir)
    picture = first_test_picture(small, small.delta)
    layer = inspector.layers[0]
    maps, shown = inspector.maps(picture, layer), inspector.overlays(picture, layer)
    low = min(float(maps.source.min()), float(maps.target.min()))
    high = max(float(maps.source.max()), float(maps.target.max()))
    assert (shown.activation_scale.low, shown.activation_scale.high) == (low, high)
    assert (shown.picture[::4, ::4] == maps.picture).all(), "64 px drawn as 256"
    expected = overlay(shown.picture, maps.source, shown.activation_scale, "magma")
    assert (shown.source == expected).all()
    assert shown.drift_scale.low == 0
    assert shown.difference_scale.low == -shown.difference_scale.high


def test_runs_side_by_side_share_their_scales(small) -> None:
    picture = first_test_picture(small, small.l2)
    maps = []
    for run_id in (small.l2, small.delta):
        inspector = Inspector(run_id, small.runs_dir)
        maps.append(inspector.maps(picture, inspector.layers[1], UNIFORM_WEIGHTING))
    both = painted(maps)
    assert both[0].drift_scale == both[1].drift_scale
    assert both[0].drift_scale.high == max(float(m.drift.max()) for m in maps)
    assert both[0].activation_scale == both[1].activation_scale
    # The same starting point and W: the sources look alike.
    assert (both[0].source == both[1].source).all()


def test_the_most_attended_filters_are_shown_on_one_scale(small) -> None:
    run = get_run(small.delta, small.runs_dir)
    inspector = Inspector(small.delta, small.runs_dir)
    picture = first_test_picture(small, small.delta)
    layer = inspector.layers[0]
    stored = json.loads((run.folder / "attention.json").read_text())["layers"][0]
    assert stored["name"] == layer
    expected = np.argsort(-np.array(stored["attention"]), kind="stable")[:5].tolist()
    filters = inspector.filters(picture, layer, 5)
    assert filters.chosen_by == "attention"
    assert [t.filter for t in filters.tiles] == expected
    assert filters.tiles[0].relative_attention == pytest.approx(
        max(stored["attention"]) * stored["channels"]
    )
    _, source, target = by_hand(run, picture.path)
    highest = max(float(m[layer][0, i].abs().max()) for m in (source, target) for i in expected)
    assert filters.scale.high == pytest.approx(highest, rel=1e-4)
    assert filters.tiles[0].source.shape == filters.tiles[0].target.shape == (96, 96, 3)


def test_without_attention_the_filters_that_drifted_furthest_are_shown(small) -> None:
    run = get_run(small.l2, small.runs_dir)
    inspector = Inspector(small.l2, small.runs_dir)
    picture = first_test_picture(small, small.l2)
    layer = inspector.layers[0]
    _, source, target = by_hand(run, picture.path)
    drifted = (target[layer] - source[layer]).square().sum((0, 2, 3))
    filters = inspector.filters(picture, layer, 3)
    assert filters.chosen_by == "drift"
    assert [t.filter for t in filters.tiles] == drifted.argsort(descending=True)[:3].tolist()


def test_an_uploaded_picture_is_answered_as_the_same_file(small) -> None:
    inspector = Inspector(small.l2, small.runs_dir)
    picture = first_test_picture(small, small.l2)
    sent = uploaded("photo.png", Path(picture.path).read_bytes())
    assert sent.digest == picture.digest
    assert inspector.probabilities(sent) == inspector.probabilities(picture)


def test_a_file_that_is_no_picture_is_named(small) -> None:
    inspector = Inspector(small.l2, small.runs_dir)
    with pytest.raises(DatasetError, match=r"The picture notes\.txt is not a picture"):
        inspector.probabilities(uploaded("notes.txt", b"only words"))


def test_looking_leaves_no_trace_in_the_process(small) -> None:
    picture = first_test_picture(small, small.delta)
    torch.manual_seed(7)
    state, python_state = torch.get_rng_state(), random.getstate()
    numpy_state = np.random.get_state()[1].copy()
    threads, grad = torch.get_num_threads(), torch.is_grad_enabled()
    inspector = Inspector(small.delta, small.runs_dir)
    inspector.overlays(picture, inspector.layers[0])
    assert torch.equal(torch.get_rng_state(), state)
    assert random.getstate() == python_state
    assert (np.random.get_state()[1] == numpy_state).all()
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled() == grad
    kept = [network.model for network, _ in inspected_networks._networks._values.values()]
    assert len(kept) == 2
    for model in kept:
        assert count_hooks(model) == 0
        assert not any(module.training for module in model.modules())
        assert not any(p.requires_grad for p in model.parameters())


def test_a_live_overlay_follows_the_snapshot_and_runs_the_source_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = copied(tmp_path / "runs")
    forwards: Counter[str] = Counter()
    run_network = inspected_networks._look

    def counted(network, layers, images):
        forwards[type(network).__name__] += 1
        return run_network(network, layers, images)

    monkeypatch.setattr(inspected_networks, "_look", counted)
    # The run as it stands while it goes on: no epoch chosen, only the latest weights.
    monkeypatch.setattr(inspection, "weights_file", lambda run: run.folder / SNAPSHOT)
    run = get_run(small.l2, small.runs_dir)
    picture = first_test_picture(small, small.l2)

    def shown() -> np.ndarray:
        inspector = Inspector(small.l2, small.runs_dir)
        assert inspector.live
        return inspector.maps(picture, inspector.layers[-1]).target.numpy()

    first = shown()
    again = shown()
    assert (first == again).all()
    assert forwards == {"SourceOf": 1, "TargetOf": 1}
    snapshot = run.folder / SNAPSHOT
    moved = {n: t * 1.5 if t.dtype == torch.float32 else t for n, t in load_file(snapshot).items()}
    save_file(moved, tmp_path / "new")
    (tmp_path / "new").replace(snapshot)
    assert not np.allclose(shown(), first)
    assert forwards == {"SourceOf": 1, "TargetOf": 2}
    networks = [type(key).__name__ for key in inspected_networks._networks._values]
    assert sorted(networks) == ["SourceOf", "TargetOf"], "the outdated target is not kept"


def test_threads_see_what_one_alone_sees(small) -> None:
    pictures = [
        from_split(p)
        for p in pictures_of(get_run(small.delta, small.runs_dir)).select(split="test")[:4]
    ]
    inspector = Inspector(small.delta, small.runs_dir)
    layer = inspector.layers[0]
    alone = [inspector.maps(p, layer).target for p in pictures]
    inspected_networks._seen.forget(lambda key: True)
    found: dict[int, torch.Tensor] = {}

    def look(place: int) -> None:
        own = Inspector(small.delta, small.runs_dir)
        found[place] = own.maps(pictures[place % 4], layer).target

    threads = [threading.Thread(target=look, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for place in range(8):
        torch.testing.assert_close(found[place], alone[place % 4])


def test_runs_with_weights_can_be_looked_into(tmp_path: Path) -> None:
    small = copied(tmp_path / "runs")
    submit(small_config(small.data, "l2"), runs_dir=small.runs_dir)
    (small.folder(small.l2) / "best.safetensors").unlink()
    found = [run.id for run in inspectable(small.runs_dir)]
    assert found == [small.shuffled, small.delta], "newest first"


def test_a_paused_run_can_be_looked_into_as_an_interrupted_one(tmp_path: Path) -> None:
    small = copied(tmp_path / "runs")
    for run_id, status in ((small.l2, RunStatus.PAUSED), (small.delta, RunStatus.INTERRUPTED)):
        opened(small.runs_dir).set_status(run_id, status, expected=RunStatus.COMPLETED)
        assert Inspector(run_id, small.runs_dir).live, "its latest weights"
        (small.folder(run_id) / "snapshot.safetensors").unlink()
        assert not Inspector(run_id, small.runs_dir).live, "else those of its best epoch"
    assert small.l2 in {run.id for run in inspectable(small.runs_dir)}


def test_a_run_without_weights_says_when_there_will_be_some(tmp_path: Path) -> None:
    small = small_runs()
    queued = submit(small_config(small.data, "l2"), runs_dir=tmp_path / "runs")
    with pytest.raises(RunError, match=r"has not built its networks yet\. Look again"):
        Inspector(queued, tmp_path / "runs")


def test_a_finished_run_whose_weights_are_gone_says_so(tmp_path: Path) -> None:
    small = copied(tmp_path / "runs")
    (small.folder(small.l2) / "best.safetensors").unlink()
    with pytest.raises(RunError, match="no weights to look at"):
        Inspector(small.l2, small.runs_dir)


def test_torn_weights_are_named(tmp_path: Path) -> None:
    small = copied(tmp_path / "runs")
    file = small.folder(small.l2) / "best.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    inspector = Inspector(small.l2, small.runs_dir)
    with pytest.raises(RunError, match=r"best\.safetensors cannot be read"):
        inspector.probabilities(first_test_picture(small, small.l2))


def test_another_starting_point_is_not_taken_for_the_runs(tmp_path: Path) -> None:
    small = copied(tmp_path / "runs")
    about = small.folder(small.l2) / "model.json"
    content = json.loads(about.read_text()) | {"weights_digest": "0" * 64}
    about.write_text(json.dumps(content))
    inspector = Inspector(small.l2, small.runs_dir)
    with pytest.raises(WeightsError, match="no longer those that this run"):
        inspector.overlays(first_test_picture(small, small.l2), inspector.layers[0])


def test_a_layer_of_another_network_is_refused(small) -> None:
    inspector = Inspector(small.l2, small.runs_dir)
    with pytest.raises(RunError, match="layer9 is not a behaviour layer"):
        inspector.overlays(first_test_picture(small, small.l2), "layer9")

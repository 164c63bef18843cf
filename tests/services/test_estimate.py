"""Time and memory before a run: counted operations against torchvision's own figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torchvision.models import get_model_weights

from delta_app.errors import SettingsError
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.services.estimate import estimate, estimate_attention
from delta_app.services.network_cost import cost
from delta_app.training.run_config import RunConfig

PICTURES = {"train": 100, "val": 20, "test": 50}


def config_of(method: str = "l2", **settings: Any) -> RunConfig:
    given = {"data": "/pictures", "backbone": "mobilenet_v2", "image_size": 128, "device": "cpu"}
    return RunConfig.from_flat(given | {"method": method, "epochs": 10} | settings)


def ran(config: RunConfig, pictures_per_second: float) -> RunRecord:
    return RunRecord(
        id="a",
        kind="training",
        name="a",
        status=RunStatus.COMPLETED,
        method="l2",
        method_label="L2",
        color="#000000",
        dataset="pictures",
        backbone=config.model.backbone,
        config=config.model_dump(mode="json"),
        folder=Path("/runs/a"),
        created_at=0.0,
        pictures_per_second=pictures_per_second,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_operations_and_parameters_are_torchvisions(name: str) -> None:
    counted = cost(name, 224)
    meta = get_model_weights(name).DEFAULT.meta
    assert counted.flops / 2e9 == pytest.approx(meta["_ops"], abs=0.001)  # it counts in pairs
    assert counted.parameters == meta["num_params"]


def test_activations_and_filters_of_a_network_counted_by_hand() -> None:
    # AlexNet at 224 px: five convolutions with ReLU, three poolings; the average pooling,
    # two dropouts, and two linear layers with ReLU before the last.
    convolutions = 64 * 55 * 55 + 192 * 27 * 27 + (384 + 256 + 256) * 13 * 13
    poolings = 64 * 27 * 27 + 192 * 13 * 13 + 256 * 6 * 6
    classifier = 9216 + 9216 + 5 * 4096 + 1000
    counted = cost("alexnet", 224)
    assert counted.activation_bytes == 4 * (2 * convolutions + poolings + classifier)
    assert counted.filters == 64 + 192 + 256


@pytest.mark.slow
def test_an_earlier_run_tells_the_speed() -> None:
    config = config_of()
    expected = estimate(config, PICTURES, [ran(config, 50.0)])
    # 10 epochs of 100 pictures at 50 a second, and forwards alone (a third of a step) of the
    # 20 that validate, each epoch, and the 50 that test, once.
    assert expected.seconds == pytest.approx(10 * 100 / 50 + (10 * 20 + 50) / 3 / 50)
    assert expected.measured
    assert expected.words().startswith("about 22 s, ")


@pytest.mark.slow
def test_another_network_is_told_roughly_by_its_operations() -> None:
    past = [ran(config_of(backbone="resnet18"), 50.0), ran(config_of(backbone="resnet50"), 0.1)]
    rough = estimate(config_of(threads=1), PICTURES, past)
    by_operations = cost("resnet18", 128).flops / cost("mobilenet_v2", 128).flops
    same = estimate(config_of(backbone="resnet18"), PICTURES, past)
    assert not rough.measured
    assert rough.words().startswith("roughly")
    assert rough.seconds == pytest.approx(same.seconds / by_operations)


def test_delta_costs_the_sources_forward_and_its_measurement_more() -> None:
    past = [ran(config_of(), 50.0)]
    plain, uniform, learned = (
        estimate(config_of(method, **settings), {"train": 100}, past).seconds
        for method, settings in (
            ("l2", {}),
            ("delta", {"attention": "uniform"}),
            ("delta", {"attention": "learned"}),
        )
    )
    assert uniform == pytest.approx(plain * 4 / 3)
    assert learned > uniform
    probe = estimate(config_of("linear_probe"), {"train": 100}, past).seconds
    assert probe == pytest.approx(plain / 3)


def test_a_learned_attention_pays_for_its_head_a_look_and_every_filter() -> None:
    past = [ran(config_of(), 50.0)]
    of = cost("mobilenet_v2", 128)
    uniform, learned = (
        estimate(
            config_of("delta", attention=attention, attention_batches=1, head_epochs=3),
            {"train": 100},
            past,
        ).seconds
        for attention in ("uniform", "learned")
    )
    # A step is three forwards. The head hears 100 pictures three times, once they are looked at,
    # and 32 are measured: intact and without each filter.
    forwards = 3 * 100 + 100 + 32 * (1 + of.importance_flops / of.flops)
    assert learned - uniform == pytest.approx(forwards / 3 / 50)


def test_a_measurement_alone_by_each_estimator() -> None:
    past = [ran(config_of(), 50.0)]
    of = cost("mobilenet_v2", 128)

    def forwards(**settings: Any) -> float:
        given = {"attention_batches": 2, "head_epochs": 1, "faithfulness": False} | settings
        config = config_of("delta", attention="learned", **given)
        return estimate_attention(config, PICTURES, past).seconds * 3 * 50

    exact = 64 * (1 + of.importance_flops / of.flops)
    assert forwards() == pytest.approx(200 + exact)
    assert forwards(estimator="first-order") == pytest.approx(200 + 3 * 64)
    assert forwards(estimator="combined") == pytest.approx(200 + exact + 3 * 64 + 3 * 100)
    # 20 pictures are held back to validate: 7 orders of every layer's filters.
    curves = 20 * (1 + of.faithfulness_flops(7) / of.flops)
    assert forwards(faithfulness=True) == pytest.approx(200 + exact + curves)
    # Until reliable: as many as there are.
    all_of = 100 * (1 + of.importance_flops / of.flops)
    assert forwards(attention_reliability=0.9) == pytest.approx(200 + all_of)


def test_what_runs_after_a_layer_counted_by_hand() -> None:
    # AlexNet at 224 px: behind its five convolutions three linear layers; two operations each.
    convolutions = {
        "features.0": 55 * 55 * 64 * 3 * 11 * 11,
        "features.3": 27 * 27 * 192 * 64 * 5 * 5,
        "features.6": 13 * 13 * 384 * 192 * 3 * 3,
        "features.8": 13 * 13 * 256 * 384 * 3 * 3,
        "features.10": 13 * 13 * 256 * 256 * 3 * 3,
    }
    linear = 9216 * 4096 + 4096 * 4096 + 4096 * 1000
    counted = cost("alexnet", 224, ("features.3", "features.10"))
    deep = sum(convolutions[f"features.{n}"] for n in (6, 8, 10))
    assert counted.tails == {
        "features.3": 2 * (deep + linear),
        "features.10": 2 * linear,
    }
    assert counted.mixing == {
        "features.3": 2 * convolutions["features.6"],
        "features.10": 2 * 9216 * 4096,
    }
    assert counted.importance_flops == 192 * 2 * (
        deep - convolutions["features.6"] + linear
    ) + 256 * 2 * (linear - 9216 * 4096)


def test_memory_grows_with_the_batch_by_its_activations() -> None:
    small, large = (estimate(config_of(batch_size=size), PICTURES).memory_bytes for size in (8, 24))
    assert large - small == pytest.approx(16 * cost("mobilenet_v2", 128).activation_bytes)


def test_runs_of_another_kind_or_version_are_passed_over() -> None:
    old = replace(ran(config_of(), 50.0), config={"run": {}})
    assert estimate(config_of(), PICTURES, [old]) == estimate(config_of(), PICTURES)


def test_a_picture_size_too_small_for_the_network() -> None:
    with pytest.raises(SettingsError) as caught:
        estimate(config_of(backbone="inception_v3", image_size=40), PICTURES)
    assert caught.value.field == "image_size"

"""The demo's settings: bundled pictures and weights, and every method."""

from __future__ import annotations

from pathlib import Path

import pytest

from delta_app.demo import bundle
from delta_app.errors import DatasetError, SettingsError, WeightsError
from delta_app.regularizers import methods
from delta_app.services import demo
from delta_app.services.demo import demo_config, demo_data, demo_weights
from delta_app.training.loop import run_training
from delta_app.training.observer import Silent, Unstoppable


def test_pictures_and_weights_are_bundled() -> None:
    assert (demo_data() / "train").is_dir()
    assert demo_weights().suffix == ".safetensors"
    assert demo_data().is_relative_to(bundle.ASSETS)


@pytest.mark.parametrize("name", [method.name for method in methods()])
def test_every_method_has_settings_for_the_demo(name: str) -> None:
    config = demo_config(name)
    assert config.method.method == name
    assert Path(config.data.data) == demo_data()
    assert Path(config.model.weights) == demo_weights()
    assert config.model.image_size == 96


def test_the_methods_differ_in_nothing_but_the_method() -> None:
    configs = [demo_config(name) for name in ("l2", "l2_sp", "delta")]
    for config in configs:
        assert config.optimization == configs[0].optimization
        assert config.model == configs[0].model
        assert config.data == configs[0].data


def test_overrides_win_and_are_checked() -> None:
    config = demo_config("delta", epochs=2, attention="uniform", seed=5)
    assert (config.optimization.epochs, config.optimization.seed) == (2, 5)
    assert config.variant.key == "delta_uniform"
    with pytest.raises(SettingsError) as caught:
        demo_config("l2", attention="uniform")
    assert caught.value.field == "attention"


def test_missing_files_say_how_to_make_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "GARDEN", tmp_path / "garden")
    with pytest.raises(DatasetError, match=r"delta_app\.demo draw"):
        demo_config()
    monkeypatch.undo()
    monkeypatch.setattr(demo, "WEIGHTS", tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match=r"delta_app\.demo pretrain"):
        demo_config()


@pytest.mark.long
def test_starting_from_the_signs_is_worth_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELTA_CACHE_DIR", str(tmp_path / "cache"))
    reached = {}
    for weights in (str(demo_weights()), "random"):
        config = demo_config("l2", weights=weights, device="cpu")
        folder = tmp_path / Path(weights).name
        result = run_training(config, folder, Silent(), Unstoppable())
        reached[weights] = result.test_top1 or 0.0
    assert reached[str(demo_weights())] > 0.68
    assert reached["random"] < 0.35

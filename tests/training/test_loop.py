"""Whole runs on a small network: what they keep, and that they can be had again to the bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from few import slow_but

from delta_app.attention.artifact import load_attention
from delta_app.attention.authors_file import authors_json
from delta_app.data.cache import PictureCache
from delta_app.errors import AttentionError, DatasetError, TrainingError
from delta_app.models.build import build_network
from delta_app.training import metric_names as names
from delta_app.training.evaluation import evaluation
from delta_app.training.loop import measure_attention, run_training
from delta_app.training.observer import Silent, Unstoppable
from delta_app.training.run_config import RunConfig
from delta_app.training.weights_files import load_saved

METHODS = ["linear_probe", "l2", "l2_sp", "feature_map", "delta"]

Config = Callable[..., RunConfig]


def run(config: RunConfig, folder: Path, watcher: Any, control: Any = None) -> Any:
    return run_training(config, folder, watcher, control or Unstoppable())


@pytest.mark.parametrize("method", slow_but(["l2"], METHODS))
def test_the_same_config_gives_the_same_numbers_to_the_last_bit(
    method: str, config: Config, tmp_path: Path, watcher: Any
) -> None:
    first, second = type(watcher)(), type(watcher)()
    extra = {"attention_batches": 1, "attention_batch_size": 4} if method == "delta" else {}
    run(config(method, **extra), tmp_path / "a" / "run", first)
    torch.randn(7)  # somebody else draws from the process-wide state in between
    run(config(method, **extra), tmp_path / "b" / "run", second)
    timed = {names.PICTURES_PER_SECOND, names.MEMORY_BYTES}

    def numbers(heard: Any) -> list[Any]:
        return [(s, {n: v for n, v in m.items() if n not in timed}) for s, m in heard.measured]

    assert numbers(first) == numbers(second)
    assert len(first.series(names.LOSS_TOTAL)) == 2 * 3  # 18 training pictures in batches of 8
    one = load_saved(tmp_path / "a" / "run" / "best.safetensors")
    two = load_saved(tmp_path / "b" / "run" / "best.safetensors")
    assert all(torch.equal(tensor, two[name]) for name, tensor in one.items())


@pytest.mark.slow
def test_another_seed_is_another_run_on_the_same_pictures(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    other = type(watcher)()
    run(config("l2", seed=0, epochs=1), tmp_path / "a", watcher)
    run(config("l2", seed=1, epochs=1), tmp_path / "b", other)
    assert watcher.series(names.LOSS_TOTAL) != other.series(names.LOSS_TOTAL)
    splits = [json.loads((tmp_path / x / "split.json").read_text()) for x in "ab"]
    assert splits[0] == splits[1]


@pytest.mark.slow
def test_the_process_wide_random_state_is_left_alone(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    before = torch.random.get_rng_state()
    run(config("delta", attention_batches=1), tmp_path / "run", watcher)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_dropout_draws_from_the_runs_own_generator(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    before = torch.random.get_rng_state()
    run(config("l2", backbone="mobilenet_v3_small", epochs=1), tmp_path / "run", watcher)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.slow
def test_dropout_can_be_turned_off(config: Config, tmp_path: Path, watcher: Any) -> None:
    other = type(watcher)()
    settings = {"backbone": "mobilenet_v3_small", "epochs": 1, "val_fraction": 0.0}
    run(config("l2", **settings), tmp_path / "a", watcher)
    run(config("l2", dropout=0.0, **settings), tmp_path / "b", other)
    assert watcher.series(names.LOSS_TOTAL) != other.series(names.LOSS_TOTAL)


def test_test_and_validation_pictures_never_train(
    config: Config, tmp_path: Path, watcher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: set[tuple[str, frozenset[str]]] = set()
    decode = PictureCache.open

    def spy(pictures: Any, **options: Any) -> PictureCache:
        # Pictures that train are decoded larger, to be cropped.
        kind = "cropped" if options["size"] > 64 else "plain"
        decoded.add((kind, frozenset(p.digest for p in pictures)))
        return decode(pictures, **options)

    monkeypatch.setattr(PictureCache, "open", spy)
    small = {"attention_batches": 1, "head_epochs": 1, "attention_pictures": "augmented"}
    run(config("delta", epochs=1, **small), tmp_path / "run", watcher)
    split = json.loads((tmp_path / "run" / "split.json").read_text())
    train, val, test = (
        frozenset(p["digest"] for p in split[name]) for name in ("train", "val", "test")
    )
    assert (len(train), len(val), len(test), len(train | val | test)) == (18, 6, 6, 30)
    # The attention looks at the training pictures as they are.
    assert decoded == {("cropped", train), ("plain", train), ("plain", val), ("plain", test)}
    measured = load_attention(tmp_path / "run" / "attention.json")
    assert set(measured.pictures) <= train


@pytest.mark.slow
def test_the_kept_weights_predict_what_the_run_reports(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    folder = tmp_path / "run"
    result = run(config("l2", epochs=3), folder, watcher)
    model = json.loads((folder / "model.json").read_text())
    split = json.loads((folder / "split.json").read_text())
    network = build_network(model["backbone"], len(model["classes"])).eval()
    network.load_state_dict(load_saved(folder / "best.safetensors"))
    from torchvision.transforms import v2

    from delta_app.data.decode import open_rgb  # here: the test reads pictures its own way

    size = model["preprocessing"]
    transform = v2.Compose(
        [
            v2.Resize((64, 64), antialias=True),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(size["mean"], size["std"]),
        ]
    )
    images = torch.stack([transform(open_rgb(p["path"])) for p in split["test"]])
    with torch.no_grad():
        found = evaluation(network(images), torch.tensor([p["label"] for p in split["test"]]))
    kept = json.loads((folder / "predictions.json").read_text())["test"]
    assert found.top1 == result.test_top1 == kept["top1"]
    assert [p["relative"] for p in kept["pictures"]] == [p["relative"] for p in split["test"]]
    kept_probabilities = torch.tensor([p["probabilities"] for p in kept["pictures"]])
    torch.testing.assert_close(kept_probabilities.double(), found.probabilities, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_the_best_epoch_is_kept_and_the_test_is_touched_once(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    result = run(config("l2", epochs=4, lr=0.05), tmp_path / "run", watcher)
    by_epoch = watcher.series(names.VAL_TOP1)
    assert len(by_epoch) == 4
    assert result.val_top1 == max(by_epoch)
    assert by_epoch[result.best_epoch - 1] == max(by_epoch)
    assert result.test_evaluations == watcher.known["test_evaluations"] == 1
    assert watcher.known["pictures"] == {"train": 18, "val": 6, "test": 6}


def test_without_validation_the_last_epoch_is_kept(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    result = run(config("l2", val_fraction=0.0), tmp_path / "run", watcher)
    assert result.val_top1 is None
    assert result.best_epoch == 2
    assert result.test_top1 is not None
    assert watcher.series(names.VAL_TOP1) == []


def test_stop_keeps_the_best_so_far_and_tests_it(
    config: Config, tmp_path: Path, watcher: Any, after: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A cache of its own: nobody has decoded the test pictures before.
    monkeypatch.setenv("DELTA_CACHE_DIR", str(tmp_path / "cache"))
    result = run(config("l2", epochs=50), tmp_path / "run", watcher, after(5, "stop"))
    assert result.ended == "stopped"
    assert result.best_epoch == 1
    assert result.test_top1 is not None
    assert (tmp_path / "run" / "best.safetensors").is_file()


def test_a_validation_is_broken_off_and_the_epoch_before_it_kept(
    config: Config, tmp_path: Path, watcher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delta_app.training.fine_tuning.EVALUATION_BATCH", 2)  # more than one batch

    class InTheSecondValidation:
        def request(self) -> str:
            name, _, _, detail = watcher.phases[-1] if watcher.phases else ("", 0, 0, "")
            again = "epoch" in watcher.known and watcher.known["epoch"] == 1
            return "stop" if name == "training" and detail and again else "run"

    result = run(config("l2", epochs=50), tmp_path / "run", watcher, InTheSecondValidation())
    assert any(
        "validating, 2 of" in detail for name, _, _, detail in watcher.phases if name == "training"
    )
    assert (result.ended, result.best_epoch) == ("stopped", 1)
    assert watcher.known["epoch"] == 1
    assert result.test_top1 is not None


def test_the_apps_end_interrupts_without_testing(
    config: Config, tmp_path: Path, watcher: Any, after: Any
) -> None:
    result = run(config("l2", epochs=50), tmp_path / "run", watcher, after(5, "interrupt"))
    assert result.ended == "interrupted"
    assert result.test_top1 is None
    assert "test_evaluations" not in watcher.known
    assert (tmp_path / "run" / "best.safetensors").is_file()


def test_stop_before_the_first_epoch_ends_has_nothing_to_test(
    config: Config, tmp_path: Path, watcher: Any, after: Any
) -> None:
    result = run(config("l2"), tmp_path / "run", watcher, after(1, "stop"))
    assert (result.ended, result.best_epoch, result.test_top1) == ("stopped", None, None)


def test_stop_while_attention_is_measured(config: Config, tmp_path: Path, watcher: Any) -> None:
    class WhileMeasuring:
        def request(self) -> str:
            return "stop" if any(p[0] == "measuring attention" for p in watcher.phases) else "run"

    result = run(config("delta"), tmp_path / "run", watcher, WhileMeasuring())
    assert result.ended == "stopped"
    assert not (tmp_path / "run" / "attention.json").exists()


@pytest.mark.slow
def test_delta_with_a_file_of_the_authors_form(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    """The same importances in both forms give the same attention; temperature counts."""
    small = {"attention_batches": 1, "head_epochs": 1, "temperature": 2.0}
    measure_attention(config("delta", **small), tmp_path / "m", Silent(), Unstoppable())
    measured = load_attention(tmp_path / "m" / "attention.json")
    path = tmp_path / "authors.json"
    path.write_text(authors_json(layer.importance for layer in measured.layers.values()))
    wanted = config("delta", attention=str(path), temperature=2.0, epochs=1)
    run(wanted, tmp_path / "run", watcher)
    used = load_attention(tmp_path / "run" / "attention.json")
    assert list(used.layers) == list(measured.layers)
    for name, layer in used.layers.items():
        torch.testing.assert_close(layer.attention, measured.layers[name].attention)
    path.write_text("[[1.0, 2.0]]")
    with pytest.raises(AttentionError, match=r"authors\.json has 1 lists"):
        run(wanted, tmp_path / "other", watcher)


@pytest.mark.slow
def test_attention_is_measured_once_and_reused_by_what_asks_for_the_same(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    again, other = type(watcher)(), type(watcher)()
    small = {"attention_batches": 1, "attention_batch_size": 6, "head_epochs": 1}
    run(config("delta", **small), tmp_path / "a", watcher)
    run(config("delta", seed=5, alpha=0.1, **small), tmp_path / "b", again)
    run(config("delta", attention_seed=1, **small), tmp_path / "c", other)
    measured = [
        any(p[0] == "measuring attention" for p in w.phases) for w in (watcher, again, other)
    ]
    assert measured == [True, False, True]
    assert any("Reusing the attention" in line for line in again.said)
    one, two = (load_attention(tmp_path / x / "attention.json") for x in "ab")
    assert one.key == two.key
    assert set(one.pictures) <= {
        p["digest"] for p in json.loads((tmp_path / "a" / "split.json").read_text())["train"]
    }
    assert len(one.pictures) == 6


@pytest.mark.slow
def test_delta_with_another_runs_file_and_its_controls(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    small = {"attention_batches": 1, "head_epochs": 1, "epochs": 1}
    measure_attention(config("delta", **small), tmp_path / "m", Silent(), Unstoppable())
    path = tmp_path / "m" / "attention.json"
    losses = {}
    for attention in (str(path), "learned", "uniform", "shuffled"):
        heard = type(watcher)()
        extra = small if attention in ("learned", "shuffled") else {"epochs": 1}
        run(config("delta", attention=attention, **extra), tmp_path / attention[-9:-5], heard)
        losses[attention] = heard.series(names.LOSS_BACKBONE)[0]
    used = load_attention(tmp_path / "shuffled"[-9:-5] / "attention.json")
    learned = load_attention(path)
    for name, layer in used.layers.items():
        assert sorted(layer.attention.tolist()) == sorted(learned.layers[name].attention.tolist())
        assert layer.attention.tolist() != learned.layers[name].attention.tolist()
    assert losses[str(path)] == losses["learned"]
    assert len(set(losses.values())) == 3


@pytest.mark.slow
def test_augmented_attention_averages_the_crops_of_a_picture(
    config: Config, tmp_path: Path
) -> None:
    config = config(
        "delta",
        attention_pictures="augmented",
        attention_batches=5,
        attention_batch_size=8,
        head_epochs=1,
    )
    measure_attention(config, tmp_path / "run", Silent(), Unstoppable())
    measured = load_attention(tmp_path / "run" / "attention.json")
    assert len(measured.pictures) == 18  # 40 crops of 18 pictures
    assert all(layer.standard_error.isfinite().all() for layer in measured.layers.values())


def test_a_diverging_run_fails_with_words(config: Config, tmp_path: Path, watcher: Any) -> None:
    with pytest.raises(TrainingError, match="learning rate"):
        run(config("feature_map", alpha=1000.0, lr=10.0, epochs=20), tmp_path / "run", watcher)


def test_a_folder_that_cannot_be_trained_on_fails_with_its_cure(
    config: Config, tmp_path: Path, watcher: Any
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError) as caught:
        run(config("l2", data=str(tmp_path / "empty")), tmp_path / "run", watcher)
    assert caught.value.cure


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "adamw", "lr": 1e-3, "schedule": "cosine", "warmup_epochs": 1.0},
        {"batchnorm": "frozen", "label_smoothing": 0.1, "class_weights": "balanced"},
        {"precision": "bf16"},
        {"channels_last": False, "schedule": "exponential", "head_lr": 0.1},
    ],
    ids=lambda s: next(iter(s)),
)
def test_every_option_does_something(
    settings: dict[str, Any], config: Config, tmp_path: Path, watcher: Any
) -> None:
    plain = type(watcher)()
    run(config("l2", epochs=2), tmp_path / "plain", plain)
    result = run(config("l2", epochs=2, **settings), tmp_path / "other", watcher)
    assert result.test_top1 is not None
    assert watcher.series(names.LOSS_TOTAL) != plain.series(names.LOSS_TOTAL)

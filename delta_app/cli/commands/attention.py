"""`attention`: measure the channel attention that DELTA starts with, and train nothing else."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from delta_app.cli.command import Command, Context, UsageError, add_json, add_runs_dir
from delta_app.cli.output import print_json
from delta_app.errors import StoreError

if TYPE_CHECKING:
    from delta_app.attention.artifact import ChannelAttention
    from delta_app.attention.faithfulness import LayerFaithfulness
    from delta_app.runs.folder import RunFolder
    from delta_app.training.run_config import RunConfig


STABLE = 0.9


def _add_options(parser: argparse.ArgumentParser) -> None:
    from delta_app.cli.run_settings import add_settings

    parser.add_argument(
        "--out",
        metavar="FILE",
        help="where to put the attention besides the run's folder; `train --attention FILE` reads "
        "it",
    )
    parser.add_argument(
        "--batches",
        metavar="N|all|until-stable",
        type=_batches,
        help="how many batches of pictures; until-stable goes on until every layer's reliability "
        f"is {STABLE:g} (--attention-reliability or --config: another) or the pictures run out",
    )
    parser.add_argument(
        "--authors-out",
        metavar="FILE",
        help="where to put the importances as the authors' code keeps them: a JSON list of lists, "
        "one a layer; `train --attention FILE` reads it too",
    )
    parser.add_argument(
        "--of",
        metavar="RUN",
        help="measure the fine-tuned network of this finished run, with its own head, on its own "
        "training pictures: its id, the beginning of it, or its name",
    )
    parser.add_argument("--name", metavar="TEXT", help="what to call the measurement")
    parser.add_argument(
        "--config", metavar="FILE", help="a run's config.json; options override what it says"
    )
    add_runs_dir(parser)
    add_json(parser)
    add_settings(parser, ("data", "model", "attention"), measuring=True)
    add_settings(parser, ("optimization",), only=("device", "threads"))
    parser.set_defaults(method="delta", attention="learned")


def _batches(text: str) -> int | str:
    if text in ("all", "until-stable"):
        return text
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a number, all or until-stable, got {text}")


def _spell_out(options: argparse.Namespace) -> None:
    """Put --batches into the settings that it stands for.

    Raises:
        UsageError: one of these settings was typed besides, and says something else.
    """
    if options.batches is not None and hasattr(options, "attention_batches"):
        raise UsageError("--batches and --attention-batches say the same. Leave one out.")
    if options.batches == "until-stable":
        options.attention_batches = 1
    elif options.batches is not None:
        options.attention_batches = None if options.batches == "all" else options.batches
        if not hasattr(options, "attention_reliability"):  # nor that of --config or --of
            options.attention_reliability = None


def config_of(options: argparse.Namespace) -> RunConfig:
    """The settings of the measurement.

    Raises:
        UsageError: options that do not fit together.
        DeltaAppError: --config or the run of --of cannot be used.
    """
    _spell_out(options)
    config = _measured(options)
    attention = config.attention
    if options.batches == "until-stable" and attention.attention_reliability is None:
        attention = attention.model_copy(update={"attention_reliability": STABLE})
    return config.model_copy(update={"attention": attention})


def _measured(options: argparse.Namespace) -> RunConfig:
    """The settings as they stand in the options, in --config, and in the run of --of."""
    from delta_app.cli.run_settings import run_config

    if options.of is None:
        config = run_config(options, measuring=True)
        of = config.attention.measured_run
        if of is not None:
            _refuse(_settled(options), f"--config {options.config} measures the network of {of}")
        return config
    beside = _settled(options) or (["--config"] if options.config else [])
    _refuse(beside, f"--of {options.of} measures that run's network")

    from delta_app.services.attention_of import attention_of_config
    from delta_app.services.runs import find_run

    start = attention_of_config(find_run(options.of, options.runs_dir))
    return run_config(options, start, measuring=True)


def _settled(options: argparse.Namespace) -> list[str]:
    """The options that were typed and that a run whose network is measured has settled."""
    from delta_app.training.run_config import setting_groups

    groups = setting_groups("delta")
    settled = [info for group in ("data", "model") for info in groups[group]]
    return [info.flag for info in settled if hasattr(options, info.name)]


def _refuse(flags: list[str], why: str) -> None:
    """Raise UsageError where there are such options."""
    if flags:
        raise UsageError(f"{', '.join(flags)}: {why} on its own pictures. Leave one of them out.")


def _run(options: argparse.Namespace, context: Context) -> int:
    config = config_of(options)  # before anything else: what was typed may be wrong

    from delta_app.attention.artifact import load_attention
    from delta_app.cli.foreground import run_to_end
    from delta_app.cli.stores import summary
    from delta_app.runs.folder import RunFolder
    from delta_app.runs.records import ATTENTION

    run, code = run_to_end(ATTENTION, config, options)
    measured = load_attention(run.attention) if run.attention else None
    curves = _curves(RunFolder(run.folder))
    file = run.attention
    if measured and options.out:
        file = str(_saved(options.out, "--out", measured.save))
    if measured and options.authors_out:
        _saved(options.authors_out, "--authors-out", _write_authors(measured))
    if options.json:
        print_json(summary(run) | {"attention": file} | _numbers(measured, curves))
    else:
        print(f"{run.id}: {run.status}" + (f", {file}" if file else ""))
        for name, layer in curves.items():
            beats = "better" if layer.better_than_random else "no better"
            print(f"{name}: {beats} than random, area between {layer.area:.3g} nats")
    return code


def _curves(folder: RunFolder) -> Mapping[str, LayerFaithfulness]:
    """By layer, where the run has measured its faithfulness."""
    from delta_app.attention.faithfulness import load_faithfulness

    return load_faithfulness(folder.faithfulness).layers if folder.faithfulness.is_file() else {}


def _saved(out: str, option: str, save: Callable[[Path], None]) -> Path:
    """Write to a file of the person's choice.

    Raises:
        StoreError: it cannot be written there.
    """
    path = Path(out).expanduser().resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save(path)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}.",
            cure=f"Choose another place with {option}; the measurement is kept in the run's "
            "folder.",
        ) from error
    return path


def _write_authors(measured: ChannelAttention) -> Callable[[Path], None]:
    from delta_app.attention.authors_file import authors_json
    from delta_app.services.attention_export import write_text

    text = authors_json(layer.importance for layer in measured.layers.values())
    return lambda path: write_text(path, text)


def _numbers(
    measured: ChannelAttention | None, curves: Mapping[str, LayerFaithfulness]
) -> dict[str, Any]:
    from delta_app.attention.artifact import known
    from delta_app.attention.channel_attention import effective_share

    if measured is None:
        return {"pictures": None, "layers": {}}
    return {
        "pictures": len(measured.pictures),
        "layers": {
            name: {
                "channels": len(layer.attention),
                "reliability": known(layer.reliability),
                "split_half": known(layer.split_half),
                "effective_share": effective_share(layer.attention),
            }
            | _faithfulness(curves.get(name))
            for name, layer in measured.layers.items()
        },
    }


def _faithfulness(layer: LayerFaithfulness | None) -> dict[str, Any]:
    if layer is None:
        return {}
    return {"area_between": layer.area, "better_than_random": layer.better_than_random}


COMMAND = Command("Measure channel attention.", _add_options, _run)

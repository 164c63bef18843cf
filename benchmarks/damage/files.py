"""Damaged files of every kind but pictures: weights, settings, attention, a run's own, stores."""

from __future__ import annotations

import itertools
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from safetensors.torch import load

from benchmarks.damage.raw import RAW, Damaged
from benchmarks.damage.stores import damaged_store
from benchmarks.damage.structure import damaged_json
from benchmarks.damage.weights import greedy, malicious, sound
from delta_app.attention.artifact import load_attention
from delta_app.attention.authors_file import authors_json

JSON_OF_A_RUN = (
    "config.json", "attention.json", "faithfulness.json", "split.json", "model.json",
    "predictions.json",
)  # fmt: skip
TENSORS_OF_A_RUN = ("best.safetensors", "head.safetensors", "by_picture.safetensors")
CHECKPOINT, JOURNAL = "last.ckpt", "metrics.jsonl"
OTHERS = ("weights", "authors' attention", "store")
KINDS = (*OTHERS, *JSON_OF_A_RUN, *TENSORS_OF_A_RUN, CHECKPOINT, JOURNAL)


def damaged_files(
    number: int, chance: random.Random, run_folder: Path, store: bytes, canary: Path
) -> Iterator[Damaged]:
    """So many damaged files, weights, authors' files and stores twice as often as the others.

    Args:
        run_folder: of a sound DELTA run, with faithfulness curves.
        store: the file of a sound store that knows this run.
        canary: a path where a file is afterwards if anything in a file has run.
    """
    state = load((run_folder / "best.safetensors").read_bytes())
    weights = [*malicious(canary, state).items(), *greedy(state).items()]
    chance.shuffle(weights)
    made, plain = itertools.cycle(weights), list(sound(state).items())
    kinds = [*OTHERS, *KINDS]
    with tempfile.TemporaryDirectory(prefix="damage-") as work:
        for turn in range(number):
            kind, again = kinds[turn % len(kinds)], turn // len(kinds)
            if kind == "weights":
                name, data = next(made) if again % 2 else chance.choice(plain)
                way = "made to do harm" if again % 2 else chance.choice(list(RAW))
                data = data if again % 2 else RAW[way](chance, data)
                yield Damaged(kind, way, name, data)
            elif kind == CHECKPOINT and again % 2:
                yield Damaged(kind, "made to do harm", kind, next(made)[1])
            elif kind == "store":
                way, data = damaged_store(chance, store, Path(work))
                yield Damaged(kind, way, "store.sqlite", data)
            else:
                yield _of_a_run(kind, chance, run_folder, state_bytes=sound(state))


def _of_a_run(
    kind: str, chance: random.Random, run_folder: Path, state_bytes: dict[str, bytes]
) -> Damaged:
    if kind == JOURNAL and chance.random() < 0.5:
        return Damaged(kind, "a line changed", kind, _other_line(chance, run_folder / kind))
    if kind in (CHECKPOINT, JOURNAL):
        way = chance.choice(list(RAW))
        return Damaged(kind, way, kind, RAW[way](chance, (run_folder / kind).read_bytes()))
    if kind in TENSORS_OF_A_RUN:
        way = chance.choice((*RAW, "another file's"))
        data = (run_folder / kind).read_bytes()
        if way == "another file's":
            return Damaged(kind, way, kind, chance.choice(list(state_bytes.values())))
        return Damaged(kind, way, kind, RAW[way](chance, data))
    if kind == "authors' attention":
        found = load_attention(run_folder / "attention.json")
        text = authors_json(layer.importance for layer in found.layers.values())
        name = "authors.json"
    else:
        text, name = (run_folder / kind).read_text(encoding="utf-8"), kind
    if chance.random() < 0.3:
        way = chance.choice(list(RAW))
        return Damaged(kind, way, name, RAW[way](chance, text.encode()))
    way, data = damaged_json(chance, json.loads(text))
    return Damaged(kind, way, name, data)


def _other_line(chance: random.Random, journal: Path) -> bytes:
    """A journal of which one line holds other JSON than was written."""
    lines = journal.read_bytes().splitlines()
    place = chance.randrange(len(lines))
    lines[place] = damaged_json(chance, json.loads(lines[place]))[1]
    return b"\n".join(lines) + b"\n"

"""Every way a file comes into the app: a damaged one goes through all that are open to its kind."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.damage.files import CHECKPOINT, JOURNAL, JSON_OF_A_RUN, TENSORS_OF_A_RUN
from benchmarks.damage.going_on import file_to_go_on_from
from benchmarks.damage.sound import BACKBONE, Place
from delta_app.attention.authors_file import load_given
from delta_app.cli.command import UsageError
from delta_app.cli.run_settings import run_config
from delta_app.data.decode import decode_rgb, open_rgb, read_bytes, verify
from delta_app.errors import DeltaAppError
from delta_app.models.build import build_network, build_source
from delta_app.models.head import head_of
from delta_app.models.weights_file import load_state
from delta_app.runs.records import RunRecord
from delta_app.runs.store import STORE_FILE
from delta_app.services import backbones, comparison, comparison_inside, forms, measured_attention
from delta_app.services import runs as run_services
from delta_app.services.attention_again import settings_for_a_form
from delta_app.services.attention_end import end_of_attention, has_an_end
from delta_app.services.attention_export import authors_json
from delta_app.services.attention_layers import layer_view
from delta_app.services.attention_of import attention_of_config
from delta_app.services.attention_origin import origin_of
from delta_app.services.companions import companions
from delta_app.services.estimate import estimate
from delta_app.services.exciting_pictures import exciting_pictures
from delta_app.services.export import export
from delta_app.services.given_attention import check_given_attention
from delta_app.services.inspection import Inspector, from_split
from delta_app.services.network_cost import cost
from delta_app.services.predict import predict
from delta_app.services.run_pictures import pictures_of
from delta_app.services.shown_attention import finished_attentions, shown_attention
from delta_app.services.split_results import results_of
from delta_app.training.measured_network import fine_tuned
from delta_app.training.run_config import RunConfig
from delta_app.training.weights_files import fill


class Unclear(Exception):
    """A refusal without a word, or one that does not say which file it is about."""


class Visit:
    """Goes through doors and keeps what they said.

    Attributes:
        said: the words of every refusal, one a door; empty where all let the file in.
    """

    def __init__(self, *names: str) -> None:
        """Args:
        names: a refusal must hold one of them; none where it stands behind a file's name.
        """
        self.said: list[str] = []
        self._names = names

    def through(self, door: Callable[[], Any]) -> Any:
        """What the door gives; None where it refuses.

        Raises:
            Unclear: it refuses without saying why, or of which file.
            Exception: whatever else the door raises, which it must not.
        """
        try:
            return door()
        except (DeltaAppError, UsageError) as error:
            words = str(error)
            if not getattr(error, "message", words).strip():
                raise Unclear(f"{type(error).__name__} without a word") from error
            if self._names and not any(name in words for name in self._names):
                raise Unclear(f"names no file: {words}") from error
            self.said.append(words)
            return None


def picture(file: Path, place: Place) -> list[str]:
    """Checked, decoded and made a thumbnail of; what was checked must be decoded too.

    Raises:
        Unclear: the check lets a picture in that cannot be decoded later, or tells another size.
    """
    visit = Visit()
    size = visit.through(lambda: verify(read_bytes(file)))
    decoded = visit.through(lambda: open_rgb(file).size)
    small = visit.through(lambda: decode_rgb(read_bytes(file), least=32).size)
    if size != decoded or (size is None) != (small is None):
        raise Unclear(f"checked: {size}, decoded: {decoded}, made small: {small}: {visit.said}")
    return visit.said


def weights(file: Path, place: Place) -> list[str]:
    """Read, checked for the form, built into a source network."""
    visit = Visit(file.name)
    visit.through(lambda: load_state(file))
    visit.through(lambda: backbones.check_weights(BACKBONE, str(file)))
    visit.through(lambda: build_source(BACKBONE, str(file)))
    return visit.said


def authors_attention(file: Path, place: Place) -> list[str]:
    """Given to a DELTA run, on the command line and in the form."""
    visit = Visit(file.name)
    channels = cost(BACKBONE, 64, None).channels
    visit.through(lambda: load_given(file, channels, 5.0))
    flat = {"method": "delta", "data": str(file.parent), "backbone": BACKBONE, "image_size": 64}
    asked = RunConfig.from_flat(flat | {"attention": str(file)})
    visit.through(lambda: check_given_attention(asked))
    return visit.said


def settings(file: Path, place: Place) -> list[str]:
    """As `train --config` takes them."""
    visit = Visit()

    def read() -> RunConfig:
        return run_config(argparse.Namespace(config=str(file)))

    found = visit.through(read)
    if found is not None:
        visit.through(lambda: check_given_attention(found))
        visit.through(lambda: estimate(found, {"train": 10}))
        visit.through(lambda: forms.command_line(found))
    return visit.said


def file_of_a_run(file: Path, place: Place) -> list[str]:
    """Put in the place of a run's own: all that pages and commands do with that run."""
    own = place.folder / file.name
    with _replaced(own, file):
        # What is wrong with a network's weights or layers, or where a picture's path leads, is
        # said of these, not of the file.
        visit = Visit(place.run_id, "starting weights", "layer", "The picture ")
        run = run_services.get_run(place.run_id, place.runs_dir)
        if own.name == "config.json":
            visit.said += settings(file, place)
        if own.name == "attention.json":
            visit.said += authors_attention(file, place)
        if own.name == "head.safetensors":
            visit.through(lambda: fill(head_of(build_network(BACKBONE, 2))[1], own))
        _look_at(run, place, visit)
        return visit.said


def _look_at(run: RunRecord, place: Place, visit: Visit) -> None:
    """What pages and commands do with a run."""
    visit.through(lambda: results_of(run))
    pictures = visit.through(lambda: pictures_of(run))
    measured = visit.through(lambda: measured_attention.measurement(run))
    visit.through(lambda: shown_attention(run))
    visit.through(lambda: authors_json(run))
    visit.through(lambda: finished_attentions(runs_dir=place.runs_dir))
    visit.through(lambda: origin_of(run, place.runs_dir))
    if visit.through(lambda: has_an_end(run)):
        visit.through(lambda: end_of_attention(run))
    if measured is not None:
        visit.through(measured.by_picture)
        visit.through(measured.faithfulness)
        visit.through(lambda: [layer_view(measured, layer).ranking for layer in measured.layers])
        visit.through(lambda: exciting_pictures(measured, measured.layers[-1], 0))
    with tempfile.TemporaryDirectory(prefix="bundle-") as out:
        visit.through(lambda: export(run, out))
    asked = visit.through(lambda: attention_of_config(run))
    if asked is not None:
        visit.through(lambda: fine_tuned(run.folder, asked))
    visit.through(lambda: settings_for_a_form(run))
    visit.through(lambda: companions(run, [run]))
    inside = visit.through(lambda: Inspector(run.id, place.runs_dir))
    compared = visit.through(lambda: comparison.compare([run.id], place.runs_dir))
    if pictures is None or not pictures.pictures:
        return
    first = pictures.pictures[0]
    looked_at = from_split(first)
    visit.through(lambda: predict(run, [_sound_picture(place)]))
    if inside is not None:
        visit.through(lambda: inside.likeliest(looked_at, 3))
        layer = inside.layers[-1] if inside.layers else ""
        visit.through(lambda: inside.overlays(looked_at, layer))
        visit.through(lambda: inside.filters(looked_at, layer, 4))
    if compared is not None:
        visit.through(lambda: comparison.agreement_of(compared))
        visit.through(lambda: comparison.picture_of(compared, first.key))
        visit.through(lambda: comparison_inside.shared_pictures(compared))


def _sound_picture(place: Place) -> str:
    return str(next((place.runs_dir.parent / "shapes").rglob("*.png")))


def store(file: Path, place: Place) -> list[str]:
    """In the place of the store: all that is read from it and written to it."""
    with tempfile.TemporaryDirectory(prefix="runs-") as folder:
        runs_dir = Path(folder)
        shutil.copyfile(file, runs_dir / STORE_FILE)
        visit = Visit(STORE_FILE, place.run_id)
        found = visit.through(lambda: run_services.list_runs(runs_dir=runs_dir)) or []
        for run in found:
            _of_the_store(run, Visit(), runs_dir)
        visit.through(lambda: run_services.curves(place.run_id, runs_dir=runs_dir))
        visit.through(lambda: run_services.events(place.run_id, runs_dir=runs_dir))
        visit.through(lambda: run_services.rename(place.run_id, "another", runs_dir))
        visit.through(lambda: run_services.delete(place.run_id, runs_dir))
        return visit.said


def _of_the_store(run: RunRecord, visit: Visit, runs_dir: Path) -> None:
    """What pages say of a run that is in the store alone."""
    visit.through(lambda: run_services.get_run(run.id, runs_dir))
    visit.through(lambda: run_services.status_words(run))
    visit.through(lambda: run_services.current_epoch(run))
    visit.through(lambda: run_services.time_left(run))
    visit.through(lambda: shown_attention(run))
    visit.through(lambda: has_an_end(run))
    visit.through(lambda: origin_of(run, runs_dir))
    visit.through(lambda: companions(run, [run]))
    visit.through(lambda: forms.config_of_run(run))
    visit.through(lambda: comparison.comparable(runs_dir))
    visit.through(lambda: measured_attention.measurements(runs_dir))
    visit.through(lambda: finished_attentions(runs_dir=runs_dir))
    visit.through(lambda: comparison.compare([run.id], runs_dir))
    visit.through(lambda: run_services.curves(run.id, runs_dir=runs_dir))
    visit.through(lambda: run_services.events(run.id, runs_dir=runs_dir))


@contextmanager
def _replaced(own: Path, by: Path) -> Iterator[None]:
    """Another file in the place of a run's own, for a block."""
    aside = own.with_name(f"{own.name}.aside")
    os.replace(own, aside)
    shutil.copyfile(by, own)
    try:
        yield
    finally:
        os.replace(aside, own)


DOORS: dict[str, Callable[[Path, Place], list[str]]] = {
    "picture": picture,
    "weights": weights,
    "authors' attention": authors_attention,
    "store": store,
    **dict.fromkeys((*JSON_OF_A_RUN, *TENSORS_OF_A_RUN), file_of_a_run),
    **dict.fromkeys((CHECKPOINT, JOURNAL), file_to_go_on_from),
}
"""Kind of file -> what goes through all its doors and returns every refusal's words.

Anything but a `DeltaAppError` that comes out of the app there comes out of these.
"""

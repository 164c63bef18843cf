"""Looking inside several runs side by side: attention of one layer, overlays of one picture."""

from __future__ import annotations

from dataclasses import dataclass

from delta_app.errors import DeltaAppError
from delta_app.inspection.overlay import OPACITY
from delta_app.services.comparison import ComparedRun, Comparison, RunsDir, known_pictures
from delta_app.services.inspection import Inspector, LayerMaps, LookedAt, Overlays, painted
from delta_app.services.run_pictures import RunPictures
from delta_app.services.shown_attention import ShownAttention, shown_attention
from delta_app.services.weighting import UNIFORM_WEIGHTING, Weighting, weighting_of


def common_layers(comparison: Comparison) -> tuple[str, ...]:
    """The behaviour layers that all runs have, in the first run's order."""
    layers = [tuple(each.run.facts.get("behaviour_layers", ())) for each in comparison.runs]
    if not layers:
        return ()
    return tuple(name for name in layers[0] if all(name in other for other in layers[1:]))


def attentions(comparison: Comparison) -> tuple[tuple[ComparedRun, ShownAttention | None], ...]:
    """Every run with its attention, None where its method has none or none is measured yet.

    Raises:
        AttentionError: an attention file cannot be read.
    """
    return tuple((each, shown_attention(each.run)) for each in comparison.runs)


def weightings(comparison: Comparison, layer: str) -> tuple[Weighting, ...]:
    """The named W that the runs' maps of a layer can be weighted with, uniform last.

    Raises:
        AttentionError: an attention file cannot be read.
    """
    found = {w.key: w for each in comparison.runs if layer in (w := weighting_of(each.run)).layers}
    return (*found.values(), UNIFORM_WEIGHTING)


def shared_pictures(comparison: Comparison) -> RunPictures | None:
    """The first run's pictures that all other runs know too; None where there are none."""
    known = [known_pictures(each.run) for each in comparison.runs]
    present = [pictures for pictures in known if pictures is not None]
    if not present or len(present) < len(known):
        return None
    first, *others = present
    digests = [{p.picture.digest for p in pictures.pictures} for pictures in others]
    shared = tuple(p for p in first.pictures if all(p.picture.digest in have for have in digests))
    return RunPictures(first.classes, shared) if shared else None


@dataclass(frozen=True)
class SideBySide:
    """One run's overlays of the picture that all are shown.

    Attributes:
        overlays: None where there are none; `problem` then says why.
        answer: the likeliest class and its probability.
    """

    compared: ComparedRun
    overlays: Overlays | None = None
    answer: tuple[str, float] | None = None
    problem: DeltaAppError | None = None


@dataclass(frozen=True)
class OverlaysOfRuns:
    """The same picture through every run, on one scale.

    Attributes:
        same_source: whether all runs started from one network, so that its map stands for all.
    """

    runs: tuple[SideBySide, ...]
    same_source: bool

    @property
    def shown(self) -> tuple[Overlays, ...]:
        """The overlays that there are."""
        return tuple(each.overlays for each in self.runs if each.overlays is not None)


def overlays(
    comparison: Comparison,
    picture: LookedAt,
    layer: str,
    weighting: Weighting,
    *,
    opacity: float = OPACITY,
    runs_dir: RunsDir = None,
) -> OverlaysOfRuns:
    """Overlays of one picture and layer by all runs, weighted alike and painted on one scale.

    A run that cannot be looked into stands there with the reason.
    """
    maps: list[LayerMaps] = []
    sides: list[SideBySide] = []
    sources = set()
    for each in comparison.runs:
        try:
            inspector = Inspector(each.run.id, runs_dir)
            of_run = inspector.maps(picture, layer, weighting)
            answer = inspector.probabilities(picture)[0]
        except DeltaAppError as error:
            sides.append(SideBySide(each, problem=error))
        else:
            maps.append(of_run)
            sources.add(inspector.starting_point)
            sides.append(SideBySide(each, answer=answer))
    shown = iter(painted(maps, opacity=opacity) if maps else ())
    return OverlaysOfRuns(
        tuple(
            side if side.problem else SideBySide(side.compared, next(shown), side.answer)
            for side in sides
        ),
        same_source=len(sources) == 1,
    )

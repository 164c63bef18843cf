"""What the Attention page says of a layer and of a filter, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from delta_app.attention.distinguishable import FALSE_SHARE
from delta_app.figures.class_axis import shortened
from delta_app.formatting import counted, duration, percent, significant
from delta_app.services.attention_filters import ClassRise
from delta_app.services.attention_layers import LayerView
from delta_app.services.measured_attention import Measurement

_RISE, _SLOPE = "Rise in loss", "Slope of the loss"


def quantity(measurement: Measurement) -> str:
    """What its importances are, in few words."""
    return _SLOPE if measurement.estimator == "first-order" else _RISE


def axis_words(measurement: Measurement) -> str:
    """What its importances are, as an axis says it."""
    of = quantity(measurement)
    return f"{of} (nats)" if of == _SLOPE else f"{of} when disabled (nats)"


_ESTIMATORS = {"exact": "exact", "combined": "exact and first order combined"}

RELIABILITY = (
    "Reliability is the share of the variance between this layer's filters that is not noise. A "
    "filter is distinguishable from zero where its importance exceeds its error by more than "
    "chance makes likely, corrected for looking at all of the layer's filters at once (Benjamini "
    f"and Hochberg: at most {percent(FALSE_SHARE, 0)} of these are expected to be there by "
    "chance). Pale filters are not. The errors hold for this head and for pictures like these."
)
MEASURED = (
    "The split-half correlation ranks the filters by one random half of the pictures and by the "
    "other: 1 is the same order, 0 none. Below zero are filters without which the loss falls."
)


def reliability_words(view: LayerView) -> str:
    """ "Reliability 82 %: 40 of 160 filters are distinguishable from zero"."""
    told = int(view.told_from_zero.sum())
    are = "is" if told == 1 else "are"
    of = f"{told or 'none'} of {counted(view.channels, 'filter')} {are} distinguishable from zero"
    known = view.measured.reliability
    if math.isnan(known):
        return of[:1].upper() + of[1:]
    return f"Reliability {percent(known, 0)}: {of}"


def measured_words(measurement: Measurement, view: LayerView) -> str:
    """Correlation, share below zero, estimator, pictures and seconds, on one line."""
    halves = view.measured.split_half
    parts = [] if math.isnan(halves) else [f"split-half correlation {signed(halves)}"]
    parts.append(f"{percent(view.negative_share, 0)} of the filters below zero")
    how = _ESTIMATORS.get(measurement.estimator, "first order")
    pictures = counted(len(measurement.found.pictures), "training picture")
    parts.append(f"{how} on {pictures} in {duration(measurement.found.seconds)}")
    if not measurement.found.complete:
        parts.append("stopped before its last batch")
    words = " · ".join(parts)
    return words[:1].upper() + words[1:]


def signed(value: float) -> str:
    """0.87 -> "0.87", -0.1 -> "−0.10"."""
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def number(value: float) -> str:
    """Three significant digits with a true minus."""
    return significant(value).replace("-", "\N{MINUS SIGN}")


def with_error(value: float, standard_error: float) -> str:
    """ "0.0123 ± 0.0021"; without what is not known."""
    if not math.isfinite(standard_error):
        return number(value)
    return f"{number(value)} ± {standard_error:.2g}"


def hover_words(view: LayerView) -> Sequence[str]:
    """What a chart tells of each filter, HTML."""
    measured = view.measured
    told = view.told_from_zero.tolist()
    ranks = {filter: place for place, filter in enumerate(view.ranking, 1)}
    rows = zip(
        measured.importance.tolist(),
        measured.standard_error.tolist(),
        view.relative_attention.tolist(),
        strict=True,
    )
    return [
        f"<b>filter {filter}</b>, rank {ranks[filter]} of {view.channels}<br>"
        f"importance {with_error(value, error)}"
        f"{'' if told[filter] else ', not told from zero'}<br>"
        f"attention {relative:.2f} × the average"
        for filter, (value, error, relative) in enumerate(rows)
    ]


def filter_lines(view: LayerView, filter: int, hit: ClassRise | None) -> tuple[str, ...]:
    """What is known of one filter beside its rank, a line each, plain text."""
    measured = view.measured
    value, error = float(measured.importance[filter]), float(measured.standard_error[filter])
    told = "Distinguishable" if view.told_from_zero[filter] else "Not distinguishable"
    lines = [f"Importance {with_error(value, error)} nats"]
    if hit is not None:
        rise = with_error(hit.rise, hit.standard_error)
        lines.append(f"Highest for {shortened(hit.name, 14)}: {rise}")
    lines.append(f"{told} from zero")
    lines.append(f"Attention {float(view.relative_attention[filter]):.2f} × the average")
    return tuple(lines)

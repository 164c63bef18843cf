"""The points of a run read for a chart: all where they are few, else the extremes.

The database picks the extremes. So a run of a million points costs no memory here, and the other
threads of the process, which may train, are not held up point by point.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BindParameter, Connection, Select, and_, bindparam, func, or_, select

from delta_app.runs.schema import metric_names, metrics

AT_ONCE = 32_768
"""So many new points are read as they are."""

MOST_BLOCKS = 512
"""More are read in at most so many blocks of neighbouring numbers: the least and the greatest value
of every series in each."""

CHECKED = 8
"""Of the points read last so many are looked at again: whether they are still there."""


class Seen(NamedTuple):
    """A point as it was read; value None for not-a-number."""

    number: int
    name_key: int
    step: int
    epoch: float
    value: float | None


@dataclass(frozen=True, eq=False)
class Points:
    """What is new of a run.

    Attributes:
        names: metric's name by its key.
        table: (N, 5) number, name's key, step, epoch, value, by number; nan for not-a-number.
        last: the points read last, to be given with the next question.
        anew: whether these are all points and what was read before no longer holds: a run that
            was set back to a checkpoint measures the steps after it again.
    """

    names: Mapping[int, str]
    table: NDArray[np.float64]
    last: tuple[Seen, ...]
    anew: bool


def read_points(connection: Connection, run_key: int, seen: tuple[Seen, ...] = ()) -> Points:
    """The points of a run after those seen; all of them where those seen are there no more.

    Args:
        seen: `last` of what was read before.

    Raises:
        ValueError: the store holds points that cannot be.
    """
    names = {row.key: row.name for row in connection.execute(select(metric_names))}
    anew = not seen or _between(connection, run_key, seen[0].number, seen[-1].number) != seen
    after = 0 if anew else seen[-1].number
    last = connection.scalar(select(func.max(metrics.c.number)).where(metrics.c.run_key == run_key))
    if last is None or last <= after:
        return Points(names, _table([]), () if anew else seen, anew)
    read = _all if last - after <= AT_ONCE else _extremes
    rows = read(connection, run_key, after + 1, last)
    latest = _between(connection, run_key, last - CHECKED + 1, last)
    table = _table(rows)
    check_points(table, names)
    return Points(names, table, latest, anew)


def check_points(table: NDArray[np.float64], names: Mapping[int, str]) -> None:
    """Do nothing where each row can be a point: as `Points` has them.

    Raises:
        ValueError: one has no number, step or epoch, or is of a metric without a name.
    """
    if not np.isfinite(table[:, :4]).all():
        raise ValueError("a point has no number, step or epoch")
    nameless = {int(key) for key in np.unique(table[:, 1])} - set(names)
    if nameless:
        raise ValueError(f"there is no name for the metrics {sorted(nameless)}")


def _table(rows: Sequence[Sequence[Any]]) -> NDArray[np.float64]:
    if not rows:
        return np.empty((0, len(Seen._fields)))
    # Column by column: many times as fast as row by row.
    return np.stack([np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)], 1)


_KEY: BindParameter[int] = bindparam("key")
_FIRST: BindParameter[int] = bindparam("first")
_LAST: BindParameter[int] = bindparam("last")


def _within(table: Any) -> Any:
    return and_(table.c.run_key == _KEY, table.c.number.between(_FIRST, _LAST))


def _between(connection: Connection, run_key: int, first: int, last: int) -> tuple[Seen, ...]:
    return tuple(Seen(*row) for row in _all(connection, run_key, first, last))


def _all(connection: Connection, run_key: int, first: int, last: int) -> Sequence[Sequence[Any]]:
    limits = {"key": run_key, "first": first, "last": last}
    return cast(Sequence[Sequence[Any]], connection.execute(_BETWEEN, limits).all())


_COLUMNS = [metrics.c[name] for name in Seen._fields]
_BETWEEN = select(*_COLUMNS).where(_within(metrics)).order_by(metrics.c.number)


def _extremes(connection: Connection, run_key: int, first: int, last: int) -> list[Seen]:
    """The extremes of every series in each block, and all points of a series that has few."""
    width = block_width(last - first + 1)
    found: list[Seen] = []
    totals: Counter[int] = Counter()
    for start in range(first - first % width, last + 1, width):
        limits = {"key": run_key, "first": max(start, first), "last": min(start + width - 1, last)}
        in_block = {}
        for *row, points in connection.execute(_EXTREMES, limits):
            found.append(Seen(*row))
            in_block[found[-1].name_key] = points
        totals.update(in_block)
    there = Counter(row.name_key for row in found)
    few = [key for key, total in totals.items() if there[key] < total <= 2 * MOST_BLOCKS]
    limits = {"key": run_key, "first": first, "last": last}
    whole = connection.execute(_BETWEEN.where(metrics.c.name_key.in_(few)), limits) if few else ()
    return sorted({*found, *(Seen(*row) for row in whole)}, key=lambda row: row.number)


def block_width(numbers: int) -> int:
    """How many neighbouring numbers make a block: a power of two, so that blocks join in pairs."""
    width = 1
    while numbers > width * MOST_BLOCKS:
        width *= 2
    return width


def _extremes_of_a_block() -> Select[Any]:
    """Rows of the first point with the least value of each series and of the first with the
    greatest, beside how many points the series has in the block.

    Not by a window function, which takes four times as long. A series of nothing but
    not-a-numbers gives its first point.
    """
    one, any_point = metrics.alias(), metrics.alias()
    ends = (
        select(
            one.c.name_key,
            func.min(one.c.value).label("least"),
            func.max(one.c.value).label("greatest"),
            func.count().label("points"),
        )
        .where(_within(one))
        .group_by(one.c.name_key)
        .subquery()
    )
    at_an_end = or_(
        any_point.c.value == ends.c.least,
        any_point.c.value == ends.c.greatest,
        ends.c.least.is_(None),
    )
    first_of_equals = (
        select(
            func.min(any_point.c.number).label("number"), func.min(ends.c.points).label("points")
        )
        .join(ends, and_(any_point.c.name_key == ends.c.name_key, at_an_end))
        .where(_within(any_point))
        .group_by(any_point.c.name_key, any_point.c.value)
        .subquery()
    )
    return select(*_COLUMNS, first_of_equals.c.points).join(
        first_of_equals,
        and_(metrics.c.run_key == _KEY, metrics.c.number == first_of_equals.c.number),
    )


_EXTREMES = _extremes_of_a_block()

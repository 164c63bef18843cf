"""Operations that move elements, or take means of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from delta_app.attention.change import Change
from delta_app.attention.site import Site


def flatten(site: Site) -> Change:
    """A channel of one element stays one where all axes but the pictures' are joined."""
    change: Change = site.change()
    shape = site.shape()
    to_rows = len(site.shape_of(site.node)) == 2
    if change.channels is None or not to_rows or change.dim != 1 or shape[2:].numel() != 1:
        change = site.spread()
    return change.map(site.again)


def permute(site: Site) -> Change:
    """The changed channels' axis goes along."""
    settings = site.settings() or [site.setting(1, "dims")]
    dims = list(settings[0]) if isinstance(settings[0], (list, tuple)) else settings
    change: Change = site.change()
    dims = [dim % len(dims) for dim in dims]
    dim = change.dim if change.channels is None else dims.index(change.dim)
    return replace(change, values=change.values.permute(dims), dim=dim)


def mean(site: Site) -> Change:
    """Over axes behind the channels each channel keeps to itself."""
    dims = site.setting(1, "dim")
    change: Change = site.change()
    over = (dims,) if isinstance(dims, int) else tuple(dims)
    if change.channels is not None and min(over) <= change.dim:
        change = site.spread()
    return change.map(site.again)


def view(site: Site) -> Change:
    """Pictures stay along the first axis."""
    sizes = site.settings()
    if isinstance(sizes[0], (tuple, list)):
        sizes = list(sizes[0])
    return site.spread().map(lambda values: values.reshape(len(values), *sizes[1:]))


def moved(site: Site) -> Change:
    """By the operation itself, of all channels."""
    return site.spread().map(site.again)


def chunk(site: Site) -> tuple[Change, ...]:
    """A tuple of as many changes."""
    wide = site.spread()
    return tuple(replace(wide, values=piece) for piece in site.again(wide.values))


def pick(site: Site) -> Any:
    """One of several values, or a part of one for every picture."""
    change = site.change()
    return change[site.setting(1, "")] if isinstance(change, tuple) else moved(site)

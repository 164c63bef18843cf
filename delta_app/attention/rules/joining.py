"""Operations on several values."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from delta_app.attention import differences
from delta_app.attention.change import Change
from delta_app.attention.site import Site


def add(site: Site) -> Change:
    """Of one or both sides; the channels stay apart where both sides change in the same ones."""
    one, other = site.change(0), site.change(1)
    if one is not None and other is not None:
        if one.channels is None or one.channels is not other.channels:
            one, other = site.spread(0), site.spread(1)
        return replace(one, values=one.values + other.values)
    place = 0 if other is None else 1
    if site.shape(place) == site.shape_of(site.node):
        changed: Change = site.change(place)
        return changed
    wide = site.spread(place)  # broadcast over the part that stays
    shape = (wide.values.shape[0], *site.shape_of(site.node)[1:])
    return wide.map(lambda values: values.expand(shape))


def multiply(site: Site) -> Change:
    """Of one side by the intact other, or of both."""
    one, other = site.change(0), site.change(1)
    if one is not None and other is not None:
        dx, dy = site.spread(0), site.spread(1)
        x, y = site.base(0).unsqueeze(0), site.base(1).unsqueeze(0)
        values = differences.product(x, dx.by_variant(), y, dy.by_variant())
        return Change(values.flatten(0, 1), dx.variants)
    place = 0 if other is None else 1
    change: Change = site.change(place)
    factor = site.base(1 - place)
    if not isinstance(factor, Tensor):
        return change.map(lambda values: values * factor)
    if factor.dim() < change.values.dim():  # a parameter: the same for every picture
        factor = factor.view(*[1] * (change.values.dim() - factor.dim()), *factor.shape)
    if change.channels is not None:
        sizes = list(factor.shape)
        sizes[change.dim] = site.shape(place)[change.dim]
        factor = factor.expand(sizes)
    return change.through(lambda y, d: y * d, factor)


def concatenate(site: Site) -> Change:
    """A change of some channels finds them behind those of the parts before."""
    parts, dim = site.parts(), site.setting(1, "dim", 0)
    changes = [site.change_of(part) for part in parts]
    changed = [change for change in changes if change is not None]
    if len(changed) == 1 and changed[0].channels is not None and changed[0].dim == dim:
        before = sum(site.shape_of(p)[dim] for p in parts[: changes.index(changed[0])])
        return replace(changed[0], channels=changed[0].channels + before)
    rows = changed[0].values.shape[0]
    columns = []
    for part, change in zip(parts, changes, strict=True):
        shape = site.shape_of(part)
        if change is None:
            columns.append(changed[0].values.new_zeros((rows, *shape[1:])))
        else:
            columns.append(change.spread(shape).values)
    return Change(torch.cat(columns, dim), changed[0].variants)

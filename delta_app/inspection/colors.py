"""Colour tables: magma for activation, viridis for drift, a diverging one for differences.

Each is kept as a few anchors, read as straight lines between them; 52 anchors of magma and
viridis come within one grey level of the 256 of matplotlib (van der Walt and Smith, CC0).
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

ColorTable = Literal["magma", "viridis", "diverging"]

LEVELS = 256

_ANCHORS: dict[ColorTable, str] = {
    "magma": (
        "000004 02020b 050416 090720 0e0b2b 140e36 1a1042 21114e 29115a 311165 390f6e 420f75 "
        "4a1079 52137c 5a167e 621980 6a1c81 721f81 792282 812581 892881 912b81 992d80 a1307e "
        "aa337d b2357b ba3878 c23b75 ca3e72 d2426f d9466b e04c67 e75263 ec5860 f1605d f4695c "
        "f7725c f97b5d fb8560 fc8e64 fd9869 fea16e feaa74 feb47b febd82 fec68a fecf92 fed89a "
        "fde2a3 fdebac fcf4b6 fcfdbf"
    ),
    "viridis": (
        "440154 46085c 471063 481769 481d6f 482475 472a7a 46307e 453781 433d84 414287 3f4889 "
        "3d4e8a 3a538b 38598c 355e8d 33638d 31688e 2e6d8e 2c718e 2a768e 297b8e 27808e 25848e "
        "23898e 218e8d 20928c 1f978b 1e9c89 1fa188 21a585 24aa83 28ae80 2eb37c 35b779 3dbc74 "
        "46c06f 50c46a 5ac864 65cb5e 70cf57 7cd250 89d548 95d840 a2da37 b0dd2f bddf26 cae11f "
        "d8e219 e5e419 f1e51d fde725"
    ),
    "diverging": "08306b 2166ac 92c5de f7f7f7 f4a582 b2182b 67001f",
}


@cache
def color_table(name: ColorTable) -> NDArray[np.uint8]:
    """The table's colours from low to high, (256, 3); not to be written to."""
    anchors = np.array([list(bytes.fromhex(color)) for color in _ANCHORS[name].split()])
    positions = np.linspace(0, LEVELS - 1, len(anchors))
    levels = np.arange(LEVELS)
    table = np.stack([np.interp(levels, positions, anchors[:, c]) for c in range(3)], axis=1)
    table = np.round(table).astype(np.uint8)
    table.setflags(write=False)
    return table


def css_colors(name: ColorTable, steps: int = 32) -> tuple[str, ...]:
    """`steps` colours of the table, evenly spaced from low to high, as "rgb(r, g, b)".

    Not as "#rrggbb": Streamlit's theme takes #000001 to #000053 for places to be filled, and
    magma begins with #000004.
    """
    picked = np.linspace(0, LEVELS - 1, steps).round().astype(int)
    return tuple("rgb({}, {}, {})".format(*color_table(name)[i]) for i in picked)

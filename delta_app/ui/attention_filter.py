"""One filter: its numbers, and the pictures that excite it most."""

from __future__ import annotations

import base64
import html
import io

import streamlit as st
from PIL import Image

from delta_app.errors import DeltaAppError
from delta_app.services.attention_filters import hardest_hit
from delta_app.services.exciting_pictures import Exciting, exciting_pictures
from delta_app.services.measured_attention import Measurement
from delta_app.ui.attention_choices import Choices
from delta_app.ui.attention_words import filter_lines, number
from delta_app.ui.messages import error_text, plain

WIDTHS = (1, 2.1)
HEIGHT = 144
OLDER = (
    "This measurement was made before importances were kept by class and picture. Measure again "
    "to see them."
)

_STYLE = """
<style>
.delta-exciting { display: grid; grid-template-columns: repeat(9, minmax(0, 1fr)); gap: 6px; }
.delta-exciting figure { margin: 0; }
.delta-exciting img, .delta-exciting .gone {
  width: 100%; aspect-ratio: 1; border-radius: 4px; display: block; object-fit: cover;
}
.delta-exciting .gone { background: rgba(128, 128, 140, 0.25); }
.delta-exciting figcaption {
  font-size: 0.75rem; opacity: 0.7; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
}
</style>
"""


def draw(measurement: Measurement, choices: Choices) -> None:
    """The panel: always of one height, so that nothing beneath it moves."""
    view, filter = choices.view, choices.filter
    try:
        known = measurement.by_picture()
        hit = None if known is None else hardest_hit(known, view.name, filter)
    except DeltaAppError as error:
        st.error(error_text(error))
        return
    with st.container(border=True, height=HEIGHT):
        numbers, pictures = st.columns(WIDTHS, gap="medium")
        with numbers:
            title = f"**Filter {filter}**, rank {view.rank(filter)} of {view.channels}"
            lines = [title, *map(plain, filter_lines(view, filter, hit))]
            st.markdown("  \n".join(f":small[{line}]" for line in lines))
        with pictures:
            if known is None:
                st.caption(OLDER)
            else:
                _exciting(measurement, choices)


def _exciting(measurement: Measurement, choices: Choices) -> None:
    """Up to nine small pictures in a row; their file names are told on hover."""
    try:
        found = exciting_pictures(measurement, choices.view.name, choices.filter)
    except DeltaAppError as error:
        st.error(error_text(error))
        return
    shown = "".join(_figure(each) for each in found.pictures)
    words = "Training pictures that excite it most, and where"
    if not found.painted:
        words = "Training pictures that excite it most"
    if found.problem is not None:
        words += f". {error_text(found.problem)}"
    st.caption(words)
    st.html(f'{_STYLE}<div class="delta-exciting">{shown}</div>')


def _figure(each: Exciting) -> str:
    title = html.escape(f"{each.name}: largest value {number(each.value)}", quote=True)
    name = html.escape(each.class_name)
    picture = '<div class="gone"></div>'
    if each.shown is not None:
        picture = f'<img alt="{title}" src="{_address(each.shown.tobytes(), each.shown.shape)}">'
    return f'<figure title="{title}">{picture}<figcaption>{name}</figcaption></figure>'


def _address(pixels: bytes, shape: tuple[int, ...]) -> str:
    """RGB pixels as a data address."""
    buffer = io.BytesIO()
    Image.frombytes("RGB", (shape[1], shape[0]), pixels).save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"

from __future__ import annotations

import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delta_app.figures.class_axis import class_axis_room, names_of_classes, shortened


def test_short_names_stay() -> None:
    assert shortened("banded") == "banded"


def test_long_names_keep_start_and_end() -> None:
    assert shortened("golden retriever puppy", 11) == "golde…puppy"


@pytest.mark.slow
@given(st.text(min_size=0, max_size=60), st.integers(5, 30))
def test_a_name_is_never_longer_than_asked(name, longest) -> None:
    assert len(shortened(name, longest)) <= longest


def test_a_hundred_classes_are_counted_not_named() -> None:
    axis = go.layout.XAxis(names_of_classes([f"class {i}" for i in range(100)]))
    assert axis.showticklabels is False
    assert axis.title.text == "100 classes"


def test_longer_names_make_more_room() -> None:
    short, long = [str(i) for i in range(10)], [f"a rather long name {i}" for i in range(10)]
    assert class_axis_room(long) > class_axis_room(short)

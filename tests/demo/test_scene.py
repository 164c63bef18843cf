"""The scenes: seeded, varied, and every form visible in them."""

from __future__ import annotations

import numpy as np
import pytest

from delta_app.demo.canvas import Pose, Sheet, generator_for
from delta_app.demo.colors import lightness, paints
from delta_app.demo.creatures import CREATURES
from delta_app.demo.scene import Difficulty, Form, draw_scene
from delta_app.demo.signs import SIGNS

FORMS: dict[str, Form] = {**CREATURES, **SIGNS}


def _scene(*parts: object) -> np.ndarray:
    picture = draw_scene(
        CREATURES["moth"], *parts, side=48, supersampling=2, difficulty=Difficulty()
    )
    assert picture.size == (48, 48)
    assert picture.mode == "RGB"
    return np.asarray(picture, dtype=np.int64)


def test_the_same_parts_give_the_same_picture() -> None:
    np.testing.assert_array_equal(_scene("garden", 3), _scene("garden", 3))


def test_other_parts_give_quite_another_picture() -> None:
    assert np.abs(_scene("garden", 3) - _scene("garden", 4)).mean() > 10


def test_source_and_target_share_no_class() -> None:
    assert not set(CREATURES) & set(SIGNS)


@pytest.mark.parametrize("name", sorted(FORMS))
def test_every_form_fills_a_fair_part_of_its_place(name: str) -> None:
    for number in range(2):
        sheet = Sheet(120, Pose(scale=0.4))
        FORMS[name](generator_for(name, number), sheet)
        drawn = np.asarray(sheet.layer)[..., 3] > 0
        assert 0.03 < drawn.mean() < 0.7
        rows, columns = np.nonzero(drawn)
        # Half a length of 0.4 around the middle, with room for feelers.
        assert rows.min() >= 5
        assert rows.max() <= 115
        assert columns.min() >= 5
        assert columns.max() <= 115


def test_markings_stand_out_from_the_main_colour() -> None:
    rng = generator_for("paints")
    contrasts = [abs(lightness(main) - lightness(mark)) for main, mark in map(paints, [rng] * 100)]
    assert min(contrasts) > 25

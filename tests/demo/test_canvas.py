"""The sheet: where a pose puts points, and what lands on the layer."""

from __future__ import annotations

import numpy as np
import pytest

from delta_app.demo.canvas import (
    Pose,
    Sheet,
    ellipse,
    generator_for,
    mirrored,
    regular,
    smooth,
)


def test_a_pose_stretches_then_turns_then_scales_then_moves() -> None:
    pose = Pose(position=(0.5, 0.25), scale=0.2, angle=np.pi / 2, stretch=(2.0, 1.0))
    # (1, 0) -> stretched (2, 0) -> a quarter turn (0, 2) -> scaled (0, 0.4) -> moved.
    np.testing.assert_allclose(pose.place(np.array([[1.0, 0.0]])), [[0.5, 0.65]], atol=1e-12)
    # (0, 1) -> (0, 1) -> (-1, 0) -> (-0.2, 0).
    np.testing.assert_allclose(pose.place(np.array([[0.0, 1.0]])), [[0.3, 0.25]], atol=1e-12)


def test_a_circle_covers_its_area() -> None:
    sheet = Sheet(400, Pose(scale=0.5))
    sheet.dot(0.0, 0.0, 0.6, (255, 0, 0))
    covered = (np.asarray(sheet.layer)[..., 3] > 0).mean()
    # Radius 0.6 * 0.5 sheet widths; a 36-cornered polygon loses half a percent.
    assert covered == pytest.approx(np.pi * 0.3**2, rel=0.02)


def test_a_transparent_fill_replaces_what_lies_beneath() -> None:
    sheet = Sheet(40, Pose(scale=1.0))
    sheet.dot(0.0, 0.0, 0.9, (255, 0, 0))
    sheet.dot(0.0, 0.0, 0.9, (0, 0, 255, 90))
    assert sheet.layer.getpixel((20, 20)) == (0, 0, 255, 90)


def test_a_smooth_curve_runs_through_its_corners() -> None:
    corners = [(0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)]
    curve = smooth(corners, steps=8)
    assert curve.shape == (32, 2)
    np.testing.assert_allclose(curve[::8], corners, atol=1e-12)


def test_ellipse_and_star_keep_their_radii() -> None:
    along = ellipse(1.0, 2.0, 0.5, 0.1, angle=np.pi / 2) - (1.0, 2.0)
    np.testing.assert_allclose(np.abs(along).max(axis=0), [0.1, 0.5], atol=1e-12)
    radii = np.hypot(*regular(5, inner=0.4).T)
    np.testing.assert_allclose(radii, [1.0, 0.4] * 5, atol=1e-12)
    np.testing.assert_allclose(regular(3)[0], [0.0, -1.0], atol=1e-12)


def test_mirrored_swaps_the_sides() -> None:
    np.testing.assert_array_equal(mirrored([(1.0, 2.0)]), [[-1.0, 2.0]])


def test_the_same_parts_give_the_same_numbers_and_others_do_not() -> None:
    first = generator_for("train", "bee", 1).random(4)
    np.testing.assert_array_equal(first, generator_for("train", "bee", 1).random(4))
    assert not np.array_equal(first, generator_for("train", "bee", 2).random(4))
    assert not np.array_equal(first, generator_for("test", "bee", 1).random(4))

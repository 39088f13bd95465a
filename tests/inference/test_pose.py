import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import nn

from cephkit.checkpoint import LoadedModel
from cephkit.errors import CheckpointError
from cephkit.geometry import Matrix, Size, letterbox, transform
from cephkit.inference.pose import PoseModel, choose_poses, fit_pose, pose_model, to_layout
from cephkit.inference.views import about_centre, fitted
from cephkit.landmarks.shipped import AARIZ
from cephkit.models.spec import ModelSpec
from tests.inference.deformed import drawn_faces

Floats = NDArray[np.float64]

CANVAS: Size = (256, 192)
FILM: Size = (1024, 768)
RNG = np.random.default_rng(0)
FACE = RNG.uniform((30, 40), (160, 216), (14, 2))
"""Landmarks of a usual film, canvas pixels."""
TRAINING = FACE + RNG.normal(0, 3, (60, 14, 2))
MODEL = fit_pose(TRAINING, np.full((60, 14), 0.8), CANVAS)
BOX = letterbox(FILM, CANVAS)
UPRIGHT = transform(BOX.to_film, FACE)
"""The same on a film that is held as those of the training."""


@dataclass
class Network:
    """Films whose landmarks a network finds where it is shown them facing right and upright to some degrees.

    ``truth`` (N, K, 2) film pixels; elsewhere it says where a confused network puts its points: in a heap.
    """

    truth: Floats
    turned_at_most: float = 25.0
    smallest: float = 0.0
    """Of the usual size."""
    score: float = 0.8
    calls: list[int] = field(default_factory=list)
    """Films of each glance."""

    def __call__(self, ways: Floats, rows: Sequence[int]) -> tuple[Floats, Floats]:
        self.calls.append(len(rows))
        found = [self.one(way, self.truth[row]) for way, row in zip(ways, rows, strict=True)]
        return np.stack(found), np.full((len(rows), self.truth.shape[1]), self.score)

    def one(self, way: Matrix, truth: Floats) -> Floats:
        shown = transform(way, truth)
        # The best similarity from the usual face to what is shown, by least squares over (a, b): a + ib.
        z, goal = ((p - p.mean(0)) @ [1, 1j] for p in (UPRIGHT, shown))
        factor = np.vdot(z, goal) / np.vdot(z, z)
        fits = float(np.abs(factor * z - goal).mean() / np.abs(goal).mean()) < 0.2
        if fits and abs(np.degrees(np.angle(factor))) <= self.turned_at_most and abs(factor) >= self.smallest:
            return truth
        heap = np.random.default_rng(7).normal(0, 1, truth.shape) * (200, 20) + (400, 500)
        return transform(np.linalg.inv(way), heap)


def on_film(degrees: float = 0.0, scale: float = 1.0, mirror: bool = False) -> Floats:
    """(1, K, 2): the usual face on a film that is held so."""
    return transform(about_centre(FILM, degrees, scale, mirror), UPRIGHT)[None]


def turn_of(matrix: Matrix) -> float:
    """Clockwise, degrees."""
    return float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))


def test_a_usual_film_is_shown_as_it_is_after_one_glance() -> None:
    network = Network(np.concatenate([on_film(), on_film(4.0), on_film(scale=1.05)]))
    poses = choose_poses(MODEL, network, [FILM] * 3)
    assert all(np.array_equal(pose.matrix, np.eye(3)) for pose in poses)
    assert [(pose.facing, pose.doubt) for pose in poses] == [("right", "")] * 3
    assert network.calls == [3]


def test_a_mirrored_film_is_recognised_and_shown_mirrored() -> None:
    pose = choose_poses(MODEL, Network(on_film(mirror=True)), [FILM])[0]
    assert (pose.facing, pose.doubt) == ("left", "")
    assert np.linalg.det(pose.matrix[:2, :2]) == pytest.approx(-1.0, abs=0.05)
    assert transform(pose.matrix, on_film(mirror=True)[0]) == pytest.approx(UPRIGHT, abs=25)


@pytest.mark.parametrize("degrees", [20.0, -20.0, 12.0])
def test_a_turned_face_is_shown_upright(degrees: float) -> None:
    pose = choose_poses(MODEL, Network(on_film(degrees)), [FILM])[0]
    assert (pose.facing, pose.doubt) == ("right", "")
    assert turn_of(pose.matrix) == pytest.approx(-degrees, abs=1.5)
    assert transform(pose.matrix, on_film(degrees)[0]) == pytest.approx(UPRIGHT, abs=15)


@pytest.mark.parametrize("degrees", [40.0, -40.0])
def test_a_face_turned_too_far_to_be_known_at_first_is_tried_turned_back(degrees: float) -> None:
    network = Network(on_film(degrees))
    pose = choose_poses(MODEL, network, [FILM])[0]
    assert (pose.facing, pose.doubt) == ("right", "")
    assert turn_of(pose.matrix) == pytest.approx(-degrees, abs=1.5)
    assert network.calls[:4] == [1, 1, 1, 1]  # as it is, mirrored, turned either way


def test_a_mirrored_and_turned_face_is_shown_upright() -> None:
    held = on_film(15.0, mirror=True)
    pose = choose_poses(MODEL, Network(held), [FILM])[0]
    assert (pose.facing, pose.doubt) == ("left", "")
    assert transform(pose.matrix, held[0]) == pytest.approx(UPRIGHT, abs=15)


@pytest.mark.parametrize("scale", [0.5, 1.4])
def test_a_face_of_unusual_size_is_shown_at_its_usual_one(scale: float) -> None:
    pose = choose_poses(MODEL, Network(on_film(scale=scale)), [FILM])[0]
    assert pose.doubt == ""
    assert np.linalg.det(pose.matrix[:2, :2]) ** 0.5 == pytest.approx(1 / scale, rel=0.03)
    assert turn_of(pose.matrix) == pytest.approx(0.0, abs=1.5)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("degrees", [90.0, 180.0, 270.0])
def test_a_film_on_its_side_or_upside_down_is_shown_upright(degrees: float, mirror: bool) -> None:
    side: Size = FILM if degrees == 180 else (FILM[1], FILM[0])
    held = transform(fitted(side, (0, 0, FILM[1] - 1, FILM[0] - 1), degrees, mirror), UPRIGHT)[None]
    network = Network(held, smallest=0.7)
    pose = choose_poses(MODEL, network, [side])[0]
    assert (pose.facing, pose.doubt) == ("left" if mirror else "right", "")
    shown = transform(letterbox(side, CANVAS).to_canvas @ pose.matrix, held[0])
    assert shown == pytest.approx(FACE, abs=7)
    assert len(network.calls) > 4  # what is usual was tried first


@pytest.mark.parametrize("mirror", [False, True])
def test_a_small_film_in_a_large_frame_is_cut_out(mirror: bool) -> None:
    held = on_film(scale=0.4, mirror=mirror)
    frame = transform(BOX.to_canvas @ about_centre(FILM, scale=0.4), np.array([(0, 0), (FILM[1] - 1, FILM[0] - 1)]))
    network = Network(held, smallest=0.7)
    pose = choose_poses(MODEL, network, [FILM], lambda row: frame.ravel())[0]
    assert (pose.facing, pose.doubt) == ("left" if mirror else "right", "")
    assert transform(pose.matrix, held[0]) == pytest.approx(UPRIGHT, abs=25)
    assert choose_poses(MODEL, network, [FILM])[0].doubt


def test_an_unusual_face_is_shown_as_it_is_with_a_note() -> None:
    face = UPRIGHT + np.linspace(0, 1, 14)[:, None] ** 2 * (0, 130)
    network = Network(face[None])
    model = fit_pose(TRAINING + np.random.default_rng(8).normal(0, 1, TRAINING.shape), None, CANVAS)
    pose = choose_poses(model, network, [FILM])[0]
    assert "unusual face" in pose.note
    assert pose.doubt == ""
    assert pose.excess > 1
    assert pose.facing == "right"


class Fonder(Network):
    """Sees an unusual face for what it is, and the usual one, less clearly, in its mirror image."""

    clear = 0.5

    def __call__(self, ways: Floats, rows: Sequence[int]) -> tuple[Floats, Floats]:
        points, scores = super().__call__(ways, rows)
        for row, way in enumerate(ways):
            if np.linalg.det(way[:2, :2]) < 0:
                points[row], scores[row] = transform(np.linalg.inv(way), UPRIGHT), self.clear
        return points, scores


def test_an_unusual_face_is_not_mistaken_for_the_mirror_image_of_a_usual_one() -> None:
    face = UPRIGHT + np.linspace(0, 1, 14)[:, None] ** 2 * (0, 130)
    pose = choose_poses(fit_pose(TRAINING, None, CANVAS), Fonder(face[None]), [FILM])[0]
    assert (pose.facing, bool(pose.note)) == ("right", True)
    clearer = Fonder(face[None])
    clearer.clear = 0.9
    assert choose_poses(fit_pose(TRAINING, None, CANVAS), clearer, [FILM])[0].facing == "left"


@pytest.mark.parametrize("films", [5, 10, 20])
def test_few_films_are_enough_to_find_mirrored_and_turned_ones(films: int) -> None:
    faces = drawn_faces(60, seed=3) * 1.1
    places = faces - faces.mean(axis=(1, 2))[:, None, None] + (96, 128)
    model = fit_pose(places[:films], None, CANVAS, AARIZ.symbols)
    for mirror, degrees in ((False, 0.0), (True, 0.0), (False, 25.0), (True, 180.0)):
        way = about_centre(FILM, degrees, 1.0, mirror)
        for place in places[20:32]:
            usual = transform(BOX.to_film, place)

            def glance(ways: Floats, rows: Sequence[int], usual: Floats = usual, way: Matrix = way) -> Any:
                shown = ways[0] @ way
                upright = np.linalg.det(shown[:2, :2]) > 0 and abs(turn_of(shown)) < 15
                truth, heap = transform(way, usual), np.random.default_rng(0).uniform(100, 700, usual.shape)
                return (truth if upright else heap)[None], np.ones((1, len(usual)))

            pose = choose_poses(model, glance, [FILM])[0]
            assert (pose.facing, pose.doubt) == ("left" if mirror else "right", "")


def test_films_that_face_the_other_way_than_most_do_not_spoil_the_model() -> None:
    faces = drawn_faces(12) + 10
    mixed = faces.copy()
    mixed[[2, 5, 9]] = transform(about_centre((256, 256), mirror=True), mixed[[2, 5, 9]])
    model, whole = fit_pose(mixed, None, (256, 256), AARIZ.symbols), fit_pose(faces, None, (256, 256), AARIZ.symbols)
    assert model.shape.mean == pytest.approx(whole.shape.mean, abs=0.02)
    left = fit_pose(transform(about_centre((256, 256), mirror=True), faces), None, (256, 256), AARIZ.symbols)
    assert left.layout == pytest.approx(transform(about_centre((256, 256), mirror=True), whole.layout))


def test_what_is_no_face_is_doubted_and_shown_as_it_is() -> None:
    noise = np.random.default_rng(3).uniform(0, 700, (1, 14, 2))
    pose = choose_poses(MODEL, Network(noise), [FILM])[0]
    assert "distance" in pose.doubt
    assert "turn the film upright or crop it" in pose.doubt
    assert pose.facing == "right"
    assert np.array_equal(pose.matrix, np.eye(3))


def test_a_face_that_the_network_is_unsure_of_is_doubted() -> None:
    pose = choose_poses(MODEL, Network(on_film(), score=0.1), [FILM])[0]
    assert "unsure" in pose.doubt
    assert np.array_equal(pose.matrix, np.eye(3))


def test_films_of_a_batch_are_judged_one_by_one() -> None:
    network = Network(np.concatenate([on_film(), on_film(mirror=True), on_film(20.0)]))
    poses = choose_poses(MODEL, network, [FILM] * 3)
    assert [pose.facing for pose in poses] == ["right", "left", "right"]
    assert np.array_equal(poses[0].matrix, np.eye(3))
    alone = choose_poses(MODEL, Network(on_film(20.0)), [FILM])[0]
    assert poses[2].matrix == pytest.approx(alone.matrix)


def test_without_a_model_every_film_is_shown_as_it_is_and_nothing_is_looked_at() -> None:
    network = Network(on_film(mirror=True))
    poses = choose_poses(None, network, [FILM, FILM])
    assert [(pose.facing, pose.doubt) for pose in poses] == [("right", "")] * 2
    assert network.calls == []


@pytest.mark.parametrize(("degrees", "scale", "shift"), [(0, 1, 0), (5, 1.08, 15), (-5, 0.93, -15)])
def test_within_the_usual_there_is_nothing_to_change(degrees: float, scale: float, shift: float) -> None:
    points = transform(about_centre(CANVAS, degrees, scale), MODEL.layout - MODEL.layout.mean(0))
    assert to_layout(MODEL, points - points.mean(0) + MODEL.layout.mean(0) + (shift, 0)) is None


@pytest.mark.parametrize(("degrees", "scale", "shift"), [(8, 1, 0), (0, 1.15, 0), (0, 1, 25), (0, 0.8, 0)])
def test_beyond_the_usual_landmarks_are_laid_onto_the_layout(degrees: float, scale: float, shift: float) -> None:
    points = transform(about_centre(CANVAS, degrees, scale), MODEL.layout - MODEL.layout.mean(0))
    points = points - points.mean(0) + MODEL.layout.mean(0) + (shift, 0)
    matrix = to_layout(MODEL, points)
    assert matrix is not None
    assert transform(matrix, points) == pytest.approx(MODEL.layout)


def test_no_shape_or_an_absurd_size_is_left_alone() -> None:
    assert to_layout(MODEL, np.full((14, 2), 50.0)) is None
    assert to_layout(MODEL, np.full((14, 2), np.nan)) is None
    assert to_layout(MODEL, MODEL.layout / 10) is None


def test_the_layout_is_the_mean_of_the_marks_that_there_are() -> None:
    some = TRAINING.copy()
    some[:30, 2] = np.nan
    layout = fit_pose(some, None, CANVAS).layout
    assert layout[2] == pytest.approx(TRAINING[30:, 2].mean(0))
    assert np.delete(layout, 2, axis=0) == pytest.approx(np.delete(TRAINING.mean(0), 2, axis=0))


def test_survives_json() -> None:
    again = PoseModel.from_dict(json.loads(json.dumps(MODEL.to_dict())))
    assert again.canvas_size == CANVAS
    assert np.array_equal(again.layout, MODEL.layout)
    assert again.shape.check(TRAINING[0]) == MODEL.shape.check(TRAINING[0])


def test_a_damaged_pose_model_names_the_checkpoint() -> None:
    spec = ModelSpec("hrnet", tuple("ABCDEFGHIJKLMN"), CANVAS)

    def loaded(**extras: object) -> LoadedModel:
        return LoadedModel(nn.Identity(), spec, Path("c.pth"), {}, extras)

    assert pose_model(loaded()) is None
    whole = pose_model(loaded(pose=MODEL.to_dict()))
    assert whole is not None
    assert np.array_equal(whole.layout, MODEL.layout)
    for damaged in ({}, {**MODEL.to_dict(), "canvas_size": [1]}, {**MODEL.to_dict(), "shape": {}}, 3):
        with pytest.raises(CheckpointError, match=r"c\.pth: its pose model is damaged"):
            pose_model(loaded(pose=damaged))

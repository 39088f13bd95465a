"""Films that face the other way, lie turned or look unlike others; and what a prediction says of its errors."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cephkit.cephalometry.measured import measure, measure_film, table_rows
from cephkit.cephalometry.norms import Subject
from cephkit.cephalometry.sheet import sheet_html
from cephkit.cephalometry.sheet_content import sheet_of
from cephkit.checkpoint import LoadedModel
from cephkit.geometry import Size, transform
from cephkit.inference.model import Model
from cephkit.inference.pose import fit_pose
from cephkit.inference.predictor import Predictor
from cephkit.inference.uncertainty import Calibration, Likeness
from cephkit.inference.views import about_centre
from cephkit.models.spec import ModelSpec
from cephkit.records.record import LandmarkRecord
from tests.inference.networks import Network
from tests.inference.test_predictor import film_with_spot

Floats = NDArray[np.float64]

CANVAS: Size = (128, 96)

FACE = np.array([(22.0, 30.0), (70.0, 24.0), (60.0, 62.0), (28.0, 84.0), (66.0, 104.0)])
"""Landmarks of a usual film, pixels of a canvas of 128x96; no mirror image of themselves."""
FACE_SYMBOLS = ("S", "N", "A", "Me", "B")


class Regions(Network):
    """Landmark k is the brightest place within 20 pixels of where it usually lies."""

    def __init__(self, face: Floats = FACE) -> None:
        super().__init__()
        self.face = face

    def forward(self, images: Tensor) -> Tensor:
        cells = nn.functional.avg_pool2d(images, 4)
        rows, columns = torch.meshgrid(torch.arange(cells.shape[-2]), torch.arange(cells.shape[-1]), indexing="ij")
        near = [(columns * 4 + 1.5 - x) ** 2 + (rows * 4 + 1.5 - y) ** 2 < 20**2 for x, y in self.face.tolist()]
        return cells * torch.stack(near)


def face_model(trained_left: bool = False) -> LoadedModel:
    """A model whose films of the training all looked right, or all left."""
    face = transform(about_centre(CANVAS, mirror=trained_left), FACE)
    films = face + np.random.default_rng(0).normal(0, 2, (50, 5, 2))
    pose = fit_pose(films, np.ones((50, 5)), CANVAS, FACE_SYMBOLS).to_dict()
    return LoadedModel(
        Regions(face), ModelSpec("hrnet", FACE_SYMBOLS, CANVAS), Path("f.pth"), {"sha256": "0" * 64}, {"pose": pose}
    )


def film_of(points: Floats) -> NDArray[np.uint8]:
    spots = [film_with_spot((384, 288), x, y, 12.0).astype(int) for x, y in points.tolist()]
    return np.max(spots, axis=0).astype(np.uint8)


@pytest.mark.parametrize(
    ("held", "facing"),
    [
        (np.eye(3), "right"),
        (about_centre((384, 288), mirror=True), "left"),
        (about_centre((384, 288), 12.0), "right"),
        (about_centre((384, 288), -9.0, mirror=True), "left"),
        (about_centre((384, 288), 0.0, 0.8), "right"),
    ],
)
@pytest.mark.parametrize("tta", [False, True])
@pytest.mark.parametrize("trained_left", [False, True])
def test_points_are_those_of_the_film_as_it_is_however_it_is_held(
    held: Floats, facing: str, tta: bool, trained_left: bool
) -> None:
    truth = transform(held, FACE * 3 + 1)
    found = Predictor(face_model(trained_left), tta=tta).run_film(film_of(truth))
    assert (found.poses[0].doubt, found.poses[0].facing) == ("", facing)
    assert np.abs(found.points[0] - truth).max() < 0.2 * 12  # of a cell of 12 film pixels


def result(found: LandmarkRecord, measurement: str) -> float | None:
    (value,) = [each.value for each in measure(found, analyses=["Steiner"]) if each.measurement == measurement]
    return value


def test_a_checkpoint_without_a_calibration_says_so_wherever_its_landmarks_go() -> None:
    """Predictions, and what measuring makes of them: JSON, table, screen and sheet."""
    model = Model(Predictor(face_model()))
    film = film_of(FACE * 3 + 1)
    assert any("no calibration" in note for note in model.predict(film).to_dict()["notes"])
    measured = measure_film("film", Path("film.png"), model.predict(film), Subject())
    assert any("no calibration" in note for note in measured.to_dict()["notes"])
    assert all("no calibration" in row["doubt"] for row in table_rows(measured.to_dict()))
    assert "no calibration" in measured.line()
    page = sheet_html(sheet_of(measured, None))
    assert "no calibration" in page


@pytest.mark.parametrize("trained_left", [False, True])
def test_a_measurement_has_its_sign_whichever_way_the_films_of_the_training_looked(trained_left: bool) -> None:
    model = Model(Predictor(face_model(trained_left)))
    right = FACE * 3 + 1
    left = transform(about_centre((384, 288), mirror=True), right)
    values = [result(model.predict(film_of(points)), "sna") for points in (right, left)]
    assert values[0] is not None
    assert values[0] > 20
    assert values[1] == pytest.approx(values[0], abs=1)


def test_without_a_pose_model_the_landmarks_still_tell_where_the_face_looks() -> None:
    mirrored = transform(about_centre(CANVAS, mirror=True), FACE)
    known = face_model()
    network = LoadedModel(Regions(mirrored), known.spec, known.path, {"sha256": ""}, {})
    found = Model(Predictor(network)).predict(film_of(mirrored * 3 + 1))
    assert found.facing == "left"
    assert any("no pose model" in note for note in found.notes)


def test_each_model_of_an_ensemble_looks_for_itself_at_films_that_only_the_first_has_glanced_at() -> None:
    class Aside(Regions):
        """Every landmark a cell of 12 film pixels further to the right."""

        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images).roll(1, -1)

    first = face_model()
    other = LoadedModel(Aside(), first.spec, Path("g.pth"), {})
    truth = FACE * 3 + 1
    found = Predictor([first, other]).run_film(film_of(truth))
    assert found.points[0] == pytest.approx(np.add(truth, (6, 0)), abs=0.2 * 12)


def test_what_is_no_face_is_doubted() -> None:
    found = Predictor(face_model()).run_film(film_with_spot((384, 288), 10, 370, 5.0))
    assert found.poses[0].doubt
    assert found.poses[0].facing == "right"


def calibrated(likeness: Likeness | None = None, **changes: Any) -> LoadedModel:
    """``face_model`` that says of its errors what ``Calibration`` takes."""
    shapes = np.broadcast_to(np.array([[2.0, 0.6], [0.6, 0.68]]), (5, 2, 2))
    made = Calibration(np.zeros(5), np.array([0.0, 0.0]), shapes, 1.5, ("a",), likeness=likeness, **changes)
    plain = face_model()
    return replace(plain, extras={**plain.extras, "calibrations": {"plain": made.to_dict()}})


HELD = [np.eye(3), about_centre((384, 288), mirror=True), about_centre((384, 288), 12.0)]


@pytest.mark.parametrize("held", HELD)
def test_regions_and_a_removed_bias_turn_with_the_face(held: Floats) -> None:
    bias = np.broadcast_to([1.5, -0.5], (5, 2)).copy()
    upright = film_of(FACE * 3 + 1)
    film = film_of(transform(held, FACE * 3 + 1))
    models = (face_model(), calibrated(removed_bias=bias), calibrated())
    plain, predictor, unmoved = map(Predictor, models)
    found = predictor.run_film(film)
    regions, usual = predictor.errors(found).regions, unmoved.errors(unmoved.run_film(upright)).regions
    turn = held[:2, :2]
    # Three film pixels to a canvas pixel. Turned by 12 degrees, or by what the search for the pose makes of it.
    moved = found.points - plain.run_film(film).points
    assert moved[0] == pytest.approx(np.broadcast_to(turn @ (4.5, -1.5), (5, 2)), abs=0.25)
    assert regions is not None
    assert usual is not None
    assert regions == pytest.approx(turn @ usual @ turn.T, rel=0.05, abs=0.3)


def test_a_film_unlike_those_of_the_calibration_is_told_so_and_gets_wider_regions() -> None:
    upright = film_of(FACE * 3 + 1)
    brightness = 0.02
    near = Likeness(np.array([brightness]), np.array([1.0]), 0.5, 1.0, 2.0)
    far = Likeness(np.array([brightness]), np.array([1e-3]), 0.5, 1.0, 2.0)
    examiners = np.broadcast_to(np.eye(2), (5, 2, 2)).copy()
    usual, strange = (
        Model(Predictor(calibrated(likeness, examiners=examiners, share=0.25))).predict(upright)
        for likeness in (near, far)
    )
    assert not any("unlike" in note for note in usual.notes)
    assert any("looks unlike all films of the calibration" in note for note in strange.notes)
    # Half an examiner's second moment more, 4.605 of it, at three film pixels to a canvas pixel.
    for symbol, region in strange.regions.items():
        assert region - usual.regions[symbol] == pytest.approx(9 * 4.605 * 0.5 * np.eye(2), rel=1e-3)
        assert strange.expected_errors[symbol] > usual.expected_errors[symbol]


def test_whatever_is_made_of_a_prediction_says_what_its_errors_rest_on() -> None:
    model = Model(Predictor(calibrated(films_said="129 films of valid (truth: mean)")))
    film = film_of(FACE * 3 + 1)
    assert model.predict(film).to_dict()["model"]["errors_rest_on"].startswith("129 films of valid")
    measured = measure_film("film", Path("film.png"), model.predict(film), Subject())
    assert measured.to_dict()["errors_rest_on"].startswith("129 films of valid")
    page = sheet_html(sheet_of(measured, None))
    assert "129 films of valid" in page

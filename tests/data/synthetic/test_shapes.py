import numpy as np
import pytest
from numpy.typing import NDArray

from cephkit.data.synthetic.shapes import HARD, annotate, draw_face, table
from cephkit.landmarks.shipped import AARIZ

AT = {symbol: index for index, symbol in enumerate(AARIZ.symbols)}


@pytest.fixture(scope="module")
def faces() -> NDArray[np.float64]:
    """(300, 29, 2) mm."""
    return np.stack([draw_face(np.random.default_rng(seed)).points_mm for seed in range(300)])


def mean_face() -> NDArray[np.float64]:
    mean: NDArray[np.float64] = table()["mean_mm"].reshape(-1, 2)
    return mean


def test_the_table_names_its_source_and_explains_the_real_variance() -> None:
    faces = table()
    assert "CC BY 4.0" in faces["source"]
    assert faces["explained"] >= 0.97
    assert faces["components_mm"].shape[1] == 2 * len(AARIZ.symbols)


def test_faces_have_the_size_and_the_variety_of_real_ones(faces: NDArray[np.float64]) -> None:
    expected = np.linalg.norm(mean_face()[AT["S"]] - mean_face()[AT["N"]])
    drawn = np.linalg.norm(faces[:, AT["S"]] - faces[:, AT["N"]], axis=1)
    assert 65 < expected < 78  # an adult's sella-nasion
    assert drawn.mean() == pytest.approx(expected, rel=0.02)
    assert 2.0 < drawn.std() < 5.0
    centred = faces - faces.mean(axis=1, keepdims=True)
    real_sd = np.sqrt((table()["components_mm"] ** 2).sum(axis=0)).reshape(-1, 2)
    assert np.median(centred.std(axis=0) / real_sd) == pytest.approx(0.98, abs=0.08)


def test_faces_look_right_and_stand_upright(faces: NDArray[np.float64]) -> None:
    x, y = faces[..., 0], faces[..., 1]
    assert (x[:, AT["Pn"]] > x[:, AT["N"]]).all()
    assert (x[:, AT["A"]] > x[:, AT["PNS"]]).all()
    assert (y[:, AT["N"]] < y[:, AT["ANS"]]).all()
    assert (y[:, AT["ANS"]] < y[:, AT["Me"]]).all()


def test_every_landmark_lies_on_the_film() -> None:
    for seed in range(300):
        face = draw_face(np.random.default_rng(seed))
        height, width = face.machine.film_mm
        assert face.points_mm.min() > 3.9
        assert face.points_mm[:, 0].max() < width - 3.9
        assert face.points_mm[:, 1].max() < height - 3.9


def test_films_are_as_large_and_heads_lie_on_them_as_at_the_real_machines() -> None:
    drawn = [draw_face(np.random.default_rng(seed)) for seed in range(400)]
    art_plus = [face for face in drawn if face.machine.name == "ART Plus"]
    assert {face.machine.film_mm for face in art_plus} == {(222.5, 196.8)}
    centre = np.mean([face.points_mm.mean(axis=0) for face in art_plus], axis=0) / (196.8, 222.5)
    assert centre == pytest.approx((0.577, 0.573), abs=0.015)
    wide = [face for face in drawn if face.machine.name.startswith("ProMax")]
    assert all(face.machine.film_mm[1] == pytest.approx(290.7, abs=0.2) for face in wide)
    assert all(face.points_mm[:, 0].min() > 80 for face in wide)  # the face lies in the right half


def test_points_are_the_same_mm_at_every_resolution() -> None:
    face = draw_face(np.random.default_rng(3))
    for mm_per_px in (0.1, 0.25):
        points = face.points(mm_per_px)
        distance = np.hypot(*np.subtract(points["S"], points["N"])) * mm_per_px
        assert distance == pytest.approx(np.linalg.norm(face.points_mm[AT["S"]] - face.points_mm[AT["N"]]))
    assert face.points(0.5)["S"][0] == pytest.approx(face.points_mm[AT["S"]][0] / 0.5 - 0.5)


def test_machines_and_stages_come_in_their_real_shares() -> None:
    drawn = [draw_face(np.random.default_rng(seed)) for seed in range(600)]
    art_plus = sum(face.machine.name == "ART Plus" for face in drawn) / 600
    assert art_plus == pytest.approx(0.366, abs=0.06)
    assert {face.machine.pixel_size_mm for face in drawn if face.machine.name == "ART Plus"} == {0.1}
    assert {face.cvm_stage for face in drawn} == {1, 2, 3, 4, 5, 6}


def test_annotators_scatter_more_where_it_is_hard_and_mark_whole_pixels_on_the_film() -> None:
    rng = np.random.default_rng(0)
    truth = dict.fromkeys(AARIZ.symbols, (50.0, 60.0))
    marks = [annotate(truth, 0.01, (120, 100), 1.0, rng) for _ in range(10)]
    assert all(x.is_integer() and y.is_integer() for mark in marks for x, y in mark.values())
    assert all(0 <= x <= 99 and 0 <= y <= 119 for mark in marks for x, y in mark.values())
    marks = [annotate(truth, 0.1, (120, 100), 1.0, rng) for _ in range(400)]

    def spread(symbol: str) -> float:
        return float(np.std([mark[symbol] for mark in marks], axis=0).mean() * 0.1)

    assert np.mean([spread(symbol) for symbol in HARD]) == pytest.approx(0.7, rel=0.02)
    assert np.mean([spread(symbol) for symbol in AARIZ.symbols if symbol not in HARD]) == pytest.approx(0.35, rel=0.02)

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

from cephkit.inference.plausible import ShapeModel
from cephkit.inference.shape_fit import fit_shape
from cephkit.landmarks.shipped import AARIZ
from tests.inference.deformed import DEFORMED, NO_FACES, Floats, drawn_faces, edentulous_bite

REAL_LABELS = os.environ.get("CEPHKIT_REAL_LABELS", "")
"""A CSV of one row per film with A_x, A_y, ...: the Aariz annotations that derive.py reads."""

RNG = np.random.default_rng(0)
FACE = RNG.uniform(0, 1000, (12, 2))
FILMS = FACE + RNG.normal(0, 15, (80, 12, 2))
MODEL = fit_shape(FILMS, np.full((80, 12), 0.8))


def test_place_and_size_do_not_matter_but_shape_does() -> None:
    assert MODEL.check(FACE * 3 + 500, np.full(12, 0.8)).ok
    assert not MODEL.check(RNG.uniform(0, 1000, (12, 2))).ok
    assert "other way" in MODEL.check(FACE * (-1, 1)).reason
    assert "turned by +180" in MODEL.check(-FACE).reason or "turned by -180" in MODEL.check(-FACE).reason


def test_low_peaks_are_not_plausible() -> None:
    assert "unsure" in MODEL.check(FACE, np.full(12, 0.1)).reason


def test_missing_points_are_left_out() -> None:
    some = FACE.copy()
    some[:6] = np.nan
    assert MODEL.check(some).ok
    some[:10] = np.nan
    assert MODEL.check(some).reason == "only 2 of 12 landmarks were found"
    assert not MODEL.check(np.ones((12, 2))).ok


def test_survives_json() -> None:
    again = ShapeModel.from_dict(json.loads(json.dumps(MODEL.to_dict())))
    assert again.check(FILMS[0]) == MODEL.check(FILMS[0])


def test_refuses_one_film() -> None:
    with pytest.raises(ValueError, match="two films"):
        fit_shape(FILMS[:1])


FACES = drawn_faces(180)
CASES = [(3, True), (10, True), (10, False), (50, True)]
"""Films that a model is made of, and whether it is known whose landmarks they are."""


def model_of(faces: Floats, known: bool) -> ShapeModel:
    """A shape model; ``known`` says whose landmarks these are."""
    return fit_shape(faces, symbols=AARIZ.symbols if known else None)


def refused_and_noted(model: ShapeModel, faces: Floats) -> tuple[float, float]:
    """Percent."""
    verdicts = [model.check(face) for face in faces]
    refused = [not verdict.ok for verdict in verdicts]
    return 100 * float(np.mean(refused)), 100 * float(np.mean([bool(verdict.note) for verdict in verdicts]))


@pytest.mark.parametrize(("films", "known"), CASES)
def test_films_that_a_model_has_not_seen_are_faces_however_few_it_has(films: int, known: bool) -> None:
    refused, noted = refused_and_noted(model_of(FACES[:films], known), FACES[films:])
    assert refused == 0
    assert noted <= 5


@pytest.mark.parametrize(("films", "known"), CASES)
@pytest.mark.parametrize("deformed", list(DEFORMED))
def test_deformed_faces_are_faces(films: int, known: bool, deformed: str) -> None:
    faces = np.stack([DEFORMED[deformed](face) for face in FACES[100:140]])
    refused, _ = refused_and_noted(model_of(FACES[:films], known), faces)
    assert refused <= 5


def test_what_is_unusual_about_a_face_is_said() -> None:
    model = model_of(FACES[:100], known=True)
    for name, least in (("cleft", 40), ("retrognathic jaw", 30), ("edentulous bite", 90)):
        faces = np.stack([DEFORMED[name](face) for face in FACES[100:]])
        assert refused_and_noted(model, faces)[1] >= least
    verdict = model.check(DEFORMED["edentulous bite"](FACES[100]))
    assert verdict.ok
    assert "unusual face" in verdict.note
    assert verdict.excess == pytest.approx(verdict.shape_distance / model.largest_distance)
    usual = model.check(FACES[100])
    assert (usual.note, usual.excess) == ("", 1.0)


def test_an_unusual_face_must_be_seen_more_clearly_than_a_usual_one() -> None:
    model = fit_shape(FACES[:60], np.full((60, 29), 0.8), AARIZ.symbols)
    usual, unusual = FACES[100], edentulous_bite(FACES[100])
    seen = {score: [model.check(face, np.full(29, score)) for face in (usual, unusual)] for score in (0.2, 0.4, 0.7)}
    assert {score: [each.ok for each in both] for score, both in seen.items()} == {
        0.2: [False, False], 0.4: [True, False], 0.7: [True, True],
    }  # fmt: skip
    assert "an unusual face, and the network is unsure" in seen[0.4][1].reason


@pytest.mark.parametrize(("films", "known"), CASES)
@pytest.mark.parametrize("nonsense", list(NO_FACES))
def test_what_is_no_face_is_refused_however_few_films_tell(films: int, known: bool, nonsense: str) -> None:
    rng = np.random.default_rng(5)
    points = np.stack([NO_FACES[nonsense](face, rng) for face in FACES[100:140]])
    model = model_of(FACES[:films], known)
    assert refused_and_noted(model, points) == (100, 0)
    assert all(model.check(each).reason for each in points[:3])


def test_faces_that_look_left_are_judged_alike() -> None:
    left = FACES * (-1, 1)
    model = model_of(left[:20], known=True)
    assert model.largest_distance == pytest.approx(model_of(FACES[:20], known=True).largest_distance, rel=1e-3)
    assert refused_and_noted(model, left[20:])[0] == 0
    assert "other way" in model.check(FACES[30]).reason


def test_a_label_in_disorder_does_not_spoil_the_model() -> None:
    faces = FACES[:20].copy()
    faces[3] = np.random.default_rng(0).permutation(faces[3])
    faces[7] = faces[7, :, ::-1]  # x and y swapped
    spoilt, whole = model_of(faces, known=True), model_of(np.delete(FACES[:20], (3, 7), axis=0), known=True)
    assert spoilt.mean == pytest.approx(whole.mean)
    assert spoilt.largest_distance == pytest.approx(whole.largest_distance)


@pytest.mark.parametrize("films", [1, 3, 100])
def test_few_predictions_do_not_tell_how_low_scores_go(films: int) -> None:
    rng = np.random.default_rng(1)
    shapes = np.repeat(FACES[:2], max(2, films), axis=0)
    scores = np.full(shapes.shape[:2], np.nan)
    scores[:films] = 0.8 * np.exp(rng.normal(0, 0.15, (films, 1)))
    lowest = fit_shape(shapes, scores).lowest_score
    assert lowest is not None
    seen = np.median(scores[:films], axis=1)
    assert lowest < 0.55 * seen.min()
    assert lowest > 0.15 * np.median(seen)


@pytest.mark.real
@pytest.mark.skipif(not REAL_LABELS, reason="CEPHKIT_REAL_LABELS names nothing")
@pytest.mark.parametrize("films", [3, 10, 20, 50])
@pytest.mark.parametrize("known", [True, False])
def test_real_faces_healthy_and_deformed(films: int, known: bool) -> None:
    with Path(REAL_LABELS).open(newline="") as file:
        rows = list(csv.DictReader(file))
    faces = np.array([[[float(row[f"{s}_x"]), float(row[f"{s}_y"])] for s in AARIZ.symbols] for row in rows])
    apart = faces[:, AARIZ.symbols.index("S")] - faces[:, AARIZ.symbols.index("N")]
    faces *= 70 / np.linalg.norm(apart, axis=-1)[:, None, None]
    rng = np.random.default_rng(0)
    refused: dict[str, list[float]] = {}
    for _ in range(5):
        faces = rng.permutation(faces)
        model = model_of(faces[:films], known)
        refused.setdefault("healthy", []).append(refused_and_noted(model, faces[films:])[0])
        for name, deform in DEFORMED.items():
            some = np.stack([deform(face) for face in faces[-60:]])
            refused.setdefault(name, []).append(refused_and_noted(model, some)[0])
        for name, spoil in NO_FACES.items():
            some = np.stack([spoil(face, rng) for face in faces[-60:]])
            refused.setdefault(name, []).append(refused_and_noted(model, some)[0])
    print(films, known, {name: round(float(np.mean(rates)), 1) for name, rates in refused.items()})
    assert max(refused["healthy"]) <= 1
    assert all(np.mean(refused[name]) <= 5 for name in DEFORMED)
    assert all(np.mean(refused[name]) >= 99 for name in NO_FACES)

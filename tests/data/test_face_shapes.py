import numpy as np
import pytest

from cephkit.data.face_shapes import FEWEST_LABELS, OUTLIER_SDS, laid, learn_shape, placing, table_shape
from cephkit.data.label_faults import as_array
from cephkit.landmarks.shipped import AARIZ
from tests.data.labelled_faces import face_points

A, PO = AARIZ.symbols.index("A"), AARIZ.symbols.index("Po")
LABELS = np.array([as_array(face_points(seed)) for seed in range(20)])


def test_a_face_is_laid_onto_the_mean_however_it_lies() -> None:
    mean = table_shape().mean
    placed = placing(mean * 3j + (100 - 50j), mean)
    assert placed is not None
    assert placed == (pytest.approx(1 / 3j), pytest.approx(-(100 - 50j) / 3j))
    stray = mean * 2
    stray[A] += 200
    # One landmark far off hardly pulls the others.
    assert np.abs(np.delete(laid(stray, mean) - mean, A)).max() < 2.0


def test_no_shape_is_not_laid() -> None:
    mean = table_shape().mean
    assert placing(np.full(29, 5 + 5j), mean) is None
    assert placing(np.where(np.arange(29) < 2, mean, np.nan), mean) is None
    assert np.isnan(laid(np.full(29, 5 + 5j), mean)).all()


def test_residuals_do_not_change_with_place_size_and_turn() -> None:
    shape = table_shape()
    face = LABELS[0].copy()
    face[A] += 60
    expected = shape.residuals(laid(face, shape.mean))
    for moved in (face * 2 + 500, face * np.exp(0.4j)):
        for got, wanted in zip(shape.residuals(laid(moved, shape.mean)), expected, strict=True):
            assert got == pytest.approx(wanted, rel=1e-6)
    assert int(np.argmax(expected[0])) == A


def test_what_is_missing_has_no_residual_and_hides_nothing() -> None:
    shape = table_shape()
    face = LABELS[0].copy()
    face[A] += 60
    face[PO] = np.nan
    sds, mm = shape.residuals(laid(face, shape.mean))
    assert np.isnan([sds[PO], mm[PO]]).all()
    assert [entry.symbol for entry in shape.displaced(face)] == ["A"]


def test_gains_are_those_of_exchanging() -> None:
    """The closed form agrees with the distance before and after."""
    shape = table_shape()
    face = laid(LABELS[4], shape.mean)

    def squared(points: np.ndarray) -> float:
        _, pull = shape._pull(points)
        residual = points - shape.mean
        return float(np.stack([residual.real, residual.imag], -1).ravel() @ pull)

    gains = shape.exchange_gains(face)
    for i, j in ((A, PO), (3, 7)):
        after = face.copy()
        after[[i, j]] = face[[j, i]]
        assert gains[i, j] == pytest.approx(squared(face) - squared(after), rel=1e-6)
    assert gains[A, A] == 0


def test_labels_teach_an_annotators_habit() -> None:
    habit = LABELS.copy()
    habit[:, A] += 8 / 0.45 * 1j  # every A 8 mm too low
    table, learnt = table_shape(), learn_shape(habit)
    assert np.median([abs(table.residuals(laid(face, table.mean))[1][A]) for face in habit]) > 6
    assert np.median([learnt.residuals(laid(face, learnt.mean))[0][A] for face in habit]) < OUTLIER_SDS / 2
    assert learn_shape(habit[: FEWEST_LABELS - 1]) is table

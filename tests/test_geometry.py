import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cephkit.data.opened import to_canvas
from cephkit.geometry import (
    canvas_to_grid,
    grid_size,
    grid_to_canvas,
    invert,
    letterbox,
    transform,
)

film_side = st.integers(16, 9000)
canvas_side = st.integers(2, 48).map(lambda cells: 32 * cells)
share = st.floats(0, 1)


@settings(deadline=None)
@given(film_side, film_side, canvas_side, canvas_side, st.sampled_from([2, 4]), share, share)
def test_film_to_canvas_to_grid_and_back(
    height: int, width: int, canvas_h: int, canvas_w: int, stride: int, across: float, down: float
) -> None:
    point = np.array([across * (width - 1), down * (height - 1)])
    box = letterbox((height, width), (canvas_h, canvas_w))
    canvas = transform(box.to_canvas, point)
    grid = transform(canvas_to_grid(stride), canvas)
    back = transform(box.to_film, transform(grid_to_canvas(stride), grid))
    assert np.abs(back - point).max() < 1e-4


@settings(deadline=None)
@given(film_side, film_side, canvas_side, canvas_side)
def test_the_film_stays_on_the_canvas_with_its_aspect_ratio(
    height: int, width: int, canvas_h: int, canvas_w: int
) -> None:
    box = letterbox((height, width), (canvas_h, canvas_w))
    corners = transform(box.to_canvas, [(-0.5, -0.5), (width - 0.5, height - 0.5)])
    assert corners.min() >= -0.5 - 1e-6
    # Less than one canvas pixel of the film's far edges may lie outside the content.
    assert corners[1, 0] < canvas_w + 0.5
    assert corners[1, 1] < canvas_h + 0.5
    assert box.to_canvas[0, 0] == box.to_canvas[1, 1] == box.scale
    left, top, right, bottom = box.film_box
    assert (left, top) == (0, 0)
    assert width - 1 / box.scale - 1e-3 < right <= width + 1e-3 or box.content[1] == 1
    assert height - 1 / box.scale - 1e-3 < bottom <= height + 1e-3 or box.content[0] == 1


def centroid(image: np.ndarray) -> np.ndarray:
    values = image.astype(np.float64)
    y, x = np.indices(values.shape)
    return np.array([(x * values).sum(), (y * values).sum()]) / values.sum()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(120, 500),
    st.integers(120, 500),
    st.sampled_from([96, 128, 160, 224]),
    st.sampled_from([96, 128, 160, 224]),
    st.floats(0.35, 0.65),
    st.floats(0.35, 0.65),
)
def test_resizing_puts_content_where_the_matrix_says(
    height: int, width: int, canvas_h: int, canvas_w: int, across: float, down: float
) -> None:
    x, y = across * width, down * height
    rows, columns = np.mgrid[:height, :width]
    spread = min(height, width) / 25
    blob = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * spread**2))
    film = np.rint(blob).astype(np.uint8)
    canvas = to_canvas(film, (canvas_h, canvas_w))
    expected = transform(letterbox((height, width), (canvas_h, canvas_w)).to_canvas, centroid(film))
    assert np.abs(centroid(canvas) - expected).max() < 0.05


def test_a_cell_of_the_grid_is_centred_on_its_canvas_pixels() -> None:
    assert transform(grid_to_canvas(4), (0, 0)) == pytest.approx((1.5, 1.5))
    assert transform(grid_to_canvas(2), (3, 5)) == pytest.approx((6.5, 10.5))
    assert transform(canvas_to_grid(4), (1.5, 5.5)) == pytest.approx((0, 1))


def test_letterbox_of_a_known_film() -> None:
    box = letterbox((2400, 1935), (1024, 1024))
    assert box.scale == pytest.approx(1024 / 2400)
    assert box.content == (1024, 825)
    assert box.offset == (0, 99)
    # The film's first pixel edge lies on the content's first pixel edge.
    assert transform(box.to_canvas, (-0.5, -0.5)) == pytest.approx((98.5, -0.5))


def test_missing_points_stay_missing() -> None:
    moved = transform(canvas_to_grid(4), [(np.nan, np.nan), (1.5, 1.5)])
    assert np.isnan(moved[0]).all()
    assert moved[1] == pytest.approx((0, 0))


def test_the_inverse_undoes() -> None:
    box = letterbox((777, 333), (256, 512))
    np.testing.assert_allclose(invert(box.to_canvas) @ box.to_canvas, np.eye(3), atol=1e-12)


@pytest.mark.parametrize(("film", "canvas"), [((0, 10), (64, 64)), ((10, 10), (64, 0)), ((10, -1), (64, 64))])
def test_sizes_must_be_positive(film: tuple[int, int], canvas: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="sizes must be positive"):
        letterbox(film, canvas)


def test_the_grid_must_fit_the_canvas() -> None:
    assert grid_size((1024, 800), 4) == (256, 200)
    with pytest.raises(ValueError, match="is not a multiple of the heatmap stride 4"):
        grid_size((1022, 800), 4)

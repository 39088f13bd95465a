from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cephkit.data.opened import content_hash, pixel_hash, read_grey, to_canvas, to_uint8
from cephkit.data.spacing import Spacing, square
from cephkit.errors import FilmError
from cephkit.inference.preprocess import preprocess
from tests.data.aariz_folder import noise
from tests.data.dicom.made import film as dicom_film
from tests.data.dicom.made import shades, written

SIZES = [(64, 48), (96, 96)]


def test_a_film_comes_as_a_canvas_for_each_network(tmp_path: Path) -> None:
    Image.fromarray(noise(1)).save(tmp_path / "a.png")
    film = preprocess(tmp_path / "a.png", SIZES)
    assert (film.file, film.square_size, film.spacing) == ("a.png", (60, 50), None)
    assert film.opened.content == content_hash((tmp_path / "a.png").read_bytes())
    assert film.film_hash == pixel_hash(noise(1))
    assert film.shrink.tolist() == [1.0, 1.0]
    assert list(film.canvases) == SIZES
    for size, canvas in film.canvases.items():
        assert canvas.dtype == torch.uint8
        np.testing.assert_array_equal(canvas[0].numpy(), to_canvas(noise(1), size))


@pytest.mark.parametrize(("spacing", "size"), [((0.2, 0.1), (120, 50)), ((0.1, 0.15), (60, 75))])
def test_pixels_become_square(spacing: tuple[float, float], size: tuple[int, int]) -> None:
    film = preprocess(noise(1), SIZES, Spacing(*spacing, "ruler"))
    assert (film.grey.shape, film.square_size) == ((60, 50), size)
    assert film.shrink == pytest.approx([50 / size[1], 60 / size[0]])


def test_a_faint_array_is_read_as_its_file_would_be(tmp_path: Path) -> None:
    faint = (100 + noise(2) // 8).astype(np.uint8)
    Image.fromarray(faint).save(tmp_path / "f.png")
    np.testing.assert_array_equal(preprocess(faint, SIZES).grey, to_uint8(read_grey(tmp_path / "f.png")))
    assert np.ptp(preprocess(faint, SIZES).grey) > 2 * np.ptp(faint)


def test_the_pixel_size_is_the_callers_or_else_the_files(tmp_path: Path) -> None:
    path = tmp_path / "f.dcm"
    path.write_bytes(written(dicom_film(shades(8), ImagerPixelSpacing=[0.2, 0.1])))
    of_file = preprocess(path, SIZES)
    assert of_file.spacing is not None
    assert (of_file.spacing.row_mm, of_file.spacing.column_mm) == (0.2, 0.1)
    assert of_file.square_size == (2 * of_file.grey.shape[0], of_file.grey.shape[1])
    assert preprocess(path, SIZES, square(0.3, "ruler")).spacing == square(0.3, "ruler")
    without = preprocess(path, SIZES, use_spacing=False)
    assert (without.spacing, without.square_size) == (None, without.grey.shape)


def test_an_impossible_pixel_size_of_a_file_is_an_error_unless_ignored(tmp_path: Path) -> None:
    path = tmp_path / "f.dcm"
    path.write_bytes(written(dicom_film(shades(8), ImagerPixelSpacing=[0.1, 9.0])))
    with pytest.raises(FilmError, match="ImagerPixelSpacing"):
        preprocess(path, SIZES)
    film = preprocess(path, SIZES, ignore_bad_spacing=True)
    assert film.spacing is None
    assert any("was not used" in note for note in film.opened.notes)


def test_what_is_no_film_is_refused() -> None:
    with pytest.raises(FilmError, match="a list is not a film"):
        preprocess([1, 2], SIZES)  # type: ignore[arg-type]

"""Where a DICOM file's pixel size counts, by PS3.3 10.7.1.3."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cephkit.data.dicom.read import DicomFilm, read_dicom
from cephkit.errors import FilmError
from tests.data.dicom.made import film, shades, written


def read(use_spacing: bool = True, **elements: Any) -> DicomFilm:
    return read_dicom(written(film(shades(8), **elements)), Path("film.dcm"), use_spacing=use_spacing)


DISTANCES = {"DistanceSourceToDetector": 1650, "DistanceSourceToPatient": 1500}
PIXEL, IMAGER = {"PixelSpacing": [0.1, 0.12]}, {"ImagerPixelSpacing": [0.11, 0.132]}


@pytest.mark.parametrize(
    ("elements", "sides", "plane", "origin"),
    [
        ({**PIXEL, "PixelSpacingCalibrationType": "GEOMETRY"}, (0.1, 0.12), "head", "corrected for magnification"),
        ({**PIXEL, "PixelSpacingCalibrationType": "FIDUCIAL"}, (0.1, 0.12), "head", "object of known size"),
        ({**PIXEL, **IMAGER}, (0.1, 0.12), "head", "ImagerPixelSpacing is 1.1 times"),
        ({**PIXEL, "ImagerPixelSpacing": [0.09, 0.108]}, (0.1, 0.12), "unknown", "other than ImagerPixelSpacing"),
        ({**PIXEL, "ImagerPixelSpacing": [0.1, 0.12]}, (0.1, 0.12), "detector", "DICOM ImagerPixelSpacing"),
        (IMAGER, (0.11, 0.132), "detector", "DICOM ImagerPixelSpacing"),
        ({**IMAGER, "EstimatedRadiographicMagnificationFactor": 1.1}, (0.1, 0.12), "head", "/ 1.1 (Estimated"),
        (
            {**IMAGER, "DistanceSourceToDetector": 1650, "DistanceSourceToPatient": 1500},
            (0.1, 0.12), "head", "/ 1.1 (DistanceSourceToDetector / DistanceSourceToPatient)",
        ),
        (
            {**PIXEL, "ImagerPixelSpacing": [0.1, 0.12], "EstimatedRadiographicMagnificationFactor": 1.25},
            (0.08, 0.096), "head", "/ 1.25",
        ),
        ({**IMAGER, "EstimatedRadiographicMagnificationFactor": 1}, (0.11, 0.132), "detector", "ImagerPixelSpacing"),
        ({**IMAGER, "EstimatedRadiographicMagnificationFactor": 3}, (0.11, 0.132), "detector", "ImagerPixelSpacing"),
        (
            {"ImagerPixelSpacing": [0.006, 0.006], "EstimatedRadiographicMagnificationFactor": 1.4},
            (0.006, 0.006), "detector", "ImagerPixelSpacing",
        ),
        *[
            (
                {**IMAGER, **DISTANCES, "EstimatedRadiographicMagnificationFactor": factor},
                (0.1, 0.12), "head", "/ 1.1 (DistanceSource",
            )
            for factor in (0, 1, 3, -1)
        ],
        ({**IMAGER, "DistanceSourceToDetector": 1650}, (0.11, 0.132), "detector", "ImagerPixelSpacing"),
        (
            {**IMAGER, "DistanceSourceToDetector": 1650, "DistanceSourceToPatient": 0},
            (0.11, 0.132), "detector", "ImagerPixelSpacing",
        ),
        ({"NominalScannedPixelSpacing": [0.1, 0.12]}, (0.1, 0.12), "film", "NominalScannedPixelSpacing"),
        ({**PIXEL, "NominalScannedPixelSpacing": [0.1, 0.12]}, (0.1, 0.12), "film", "NominalScannedPixelSpacing"),
        ({**PIXEL, "NominalScannedPixelSpacing": [0.2, 0.2]}, (0.1, 0.12), "unknown", "meaning unknown"),
        (PIXEL, (0.1, 0.12), "unknown", "meaning unknown"),
        ({**PIXEL, "PixelSpacingCalibrationType": "OTHER"}, (0.1, 0.12), "unknown", "meaning unknown"),
    ],
)  # fmt: skip
def test_sides_plane_and_origin(elements: dict[str, Any], sides: tuple[float, float], plane: str, origin: str) -> None:
    spacing = read(**elements).spacing
    assert spacing is not None
    assert (spacing.row_mm, spacing.column_mm) == pytest.approx(sides)
    assert spacing.plane == plane
    assert origin in spacing.origin
    assert spacing.origin.startswith("DICOM ")


def test_what_a_user_should_know_is_noted() -> None:
    assert "no magnification" in read(**IMAGER).notes[0]
    assert "impossible for a head" in read(**IMAGER, EstimatedRadiographicMagnificationFactor=3).notes[0]
    for unknown in (0, 1):
        assert "no magnification" in read(**IMAGER, EstimatedRadiographicMagnificationFactor=unknown).notes[0]
        assert read(**IMAGER, **DISTANCES, EstimatedRadiographicMagnificationFactor=unknown).notes == ()
    (note,) = read(**IMAGER, **DISTANCES, EstimatedRadiographicMagnificationFactor=3).notes
    assert note == "the file's EstimatedRadiographicMagnificationFactor is impossible for a head, and was not used"
    assert "does not say whether" in read(**PIXEL).notes[0]
    assert "cannot be the magnification of a head" in read(**PIXEL, ImagerPixelSpacing=[0.2, 0.24]).notes[0]
    assert "not square" in read(PixelAspectRatio=["2", "1"]).notes[0]
    assert read(PixelAspectRatio=["1", "1"]).notes == ()
    assert read(**PIXEL, PixelSpacingCalibrationType="GEOMETRY").notes == ()


def test_none_or_empty_is_no_spacing() -> None:
    assert read().spacing is None
    assert read(PixelSpacing="").spacing is None


@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"])
@pytest.mark.parametrize("value", [b"0\\0", b"-0.1\\0.1", b"nan\\nan", b"0.10", b"mm\\mm", b"250\\250", b"1e400\\1"])
def test_an_impossible_pixel_size_makes_the_film_unusable_unless_it_is_not_asked_for(
    keyword: str, value: bytes
) -> None:
    data = written(film(shades(8), **{keyword: ["0.25", "0.5"]})).replace(b"0.25\\0.5", value.ljust(8))
    with pytest.raises(
        FilmError, match=rf"film\.dcm: its {keyword} is not two lengths .*--pixel_size_mm.*--ignore_bad_pixel"
    ):
        read_dicom(data, Path("film.dcm"))
    without = read_dicom(data, Path("film.dcm"), ignore_bad_spacing=True)
    assert without.spacing is None
    assert without.notes == (f"its {keyword} is not two lengths of 0.005 to 2 mm, and was not used",)
    np.testing.assert_array_equal(without.grey, shades(8))
    result = read_dicom(data, Path("film.dcm"), use_spacing=False)
    assert result.spacing is None
    np.testing.assert_array_equal(result.grey, shades(8))

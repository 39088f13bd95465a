"""What a DICOM file says about the size of its pixels, and at which place in space that size applies.

Reference: DICOM PS3.3, 10.7.1.3 (pixel spacing in projection radiography) and C.8.11.7 (DX positioning).
"""

import math
from collections.abc import Iterator

from cephkit.data.dicom.header import Header
from cephkit.data.spacing import LARGEST_MM, LARGEST_RATIO, SMALLEST_MM, Spacing
from cephkit.errors import FilmError

MOST_MAGNIFIED = 1.5
"""A head 1.5 m from the source and 15 cm from the detector is enlarged by 1.1."""
_SAME_WITHIN = 0.001
_CALIBRATIONS = {"GEOMETRY": "corrected for magnification", "FIDUCIAL": "calibrated by an object of known size"}


def read_spacing(header: Header) -> tuple[Spacing | None, tuple[str, ...]]:
    """Read the pixel size, None if the file has none, and notes for the user.

    An impossible pixel size makes the whole film unusable: whoever wrote it may have written the others wrong too, and
    lengths computed from those would look plausible.

    Raises:
        FilmError: a pixel size is not two lengths that a cephalogram's pixel can have.
    """
    pixel, imager, scanned = (
        _sides(header, keyword) for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
    )
    calibration = next(iter(header.text("PixelSpacingCalibrationType")), "").upper()
    if pixel and calibration in _CALIBRATIONS:
        return Spacing(*pixel, f"DICOM PixelSpacing, {_CALIBRATIONS[calibration]} ({calibration})", "head"), ()
    if pixel and imager and not _same(pixel, imager):
        enlarged = imager[0] / pixel[0]
        if 1 < enlarged <= MOST_MAGNIFIED:
            origin = f"DICOM PixelSpacing, calibrated (ImagerPixelSpacing is {enlarged:.3g} times as large)"
            return Spacing(*pixel, origin, "head"), ()
        note = f"ImagerPixelSpacing is {enlarged:.3g} times PixelSpacing, which cannot be the magnification of a head"
        return Spacing(*pixel, "DICOM PixelSpacing, other than ImagerPixelSpacing", "unknown"), (note,)
    if imager:
        return _at_detector(header, imager)
    if scanned and (pixel is None or _same(pixel, scanned)):
        return Spacing(*scanned, "DICOM NominalScannedPixelSpacing", "film"), ()
    if pixel:
        note = "the file does not say whether PixelSpacing applies in the head, on a film or at the detector"
        return Spacing(*pixel, "DICOM PixelSpacing, meaning unknown", "unknown"), (note,)
    aspect = header.numbers("PixelAspectRatio")
    if len(aspect) == 2 and aspect[0] != aspect[1]:
        return None, ("pixels are not square (PixelAspectRatio), and the file gives no pixel size",)
    return None, ()


def shape_notes(header: Header) -> tuple[str, ...]:
    """Note, for a user who gives the pixel size, that the file's pixels are not square."""
    try:
        spacing, notes = read_spacing(header)
    except FilmError:
        return ()
    if spacing is not None and not spacing.is_square:
        ratio = spacing.row_mm / spacing.column_mm
        return (f"the file's pixels are {ratio:.3g} times as high as wide; the pixel size given assumes square ones",)
    return notes if spacing is None else ()


def _sides(header: Header, keyword: str) -> tuple[float, float] | None:
    """Return (row, column) in mm, in DICOM's order."""
    sides = header.numbers(keyword)
    if not sides:
        return None
    remedy = "correct it in the file, use --pixel_size_mm, or ignore it with --ignore_bad_pixel_size"
    if len(sides) != 2 or not all(SMALLEST_MM <= side <= LARGEST_MM for side in sides):
        reason = f"its {keyword} is not two lengths of {SMALLEST_MM:g} to {LARGEST_MM:g} mm"
        raise FilmError(reason, remedy, header.path)
    if max(sides) > LARGEST_RATIO * min(sides):
        reason = f"its {keyword} makes pixels of {sides[0]:g} x {sides[1]:g} mm, too far from square for a film"
        raise FilmError(reason, remedy, header.path)
    return sides[0], sides[1]


def _same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(abs(a / b - 1) < _SAME_WITHIN for a, b in zip(one, other, strict=True))


def _at_detector(header: Header, sides: tuple[float, float]) -> tuple[Spacing, tuple[str, ...]]:
    """Return the detector's pixel size, divided by the magnification if the file gives one."""
    impossible: list[str] = []
    for by, enlarged in _magnifications(header):
        if 1 < enlarged <= MOST_MAGNIFIED and min(sides) / enlarged >= SMALLEST_MM:
            origin = f"DICOM ImagerPixelSpacing / {enlarged:.4g} ({by})"
            notes = tuple(f"the file's {name} is impossible for a head, and was not used" for name in impossible)
            return Spacing(sides[0] / enlarged, sides[1] / enlarged, origin, "head"), notes
        impossible.append(by)
    why = (
        f"the file's {' and '.join(impossible)} is impossible for a head"
        if impossible
        else "the file gives no magnification"
    )
    note = f"lengths apply at the detector, where the head is enlarged; {why}"
    return Spacing(*sides, "DICOM ImagerPixelSpacing", "detector"), (note,)


def _magnifications(header: Header) -> Iterator[tuple[str, float]]:
    """Yield the name and the magnification of each statement in the file, the most direct first."""
    factor = header.numbers("EstimatedRadiographicMagnificationFactor")
    if factor and factor[0] not in (0, 1):  # machines write these for "not known"
        yield "EstimatedRadiographicMagnificationFactor", factor[0]
    distances = (*header.numbers("DistanceSourceToDetector"), *header.numbers("DistanceSourceToPatient"))
    if len(distances) == 2 and all(math.isfinite(distance) and distance > 0 for distance in distances):
        yield "DistanceSourceToDetector / DistanceSourceToPatient", distances[0] / distances[1]

"""Reads a DICOM file as a film: grey as a viewer displays it, pixel size, notes.

What a file says about its pixels' size, it says for one place in space: see DICOM PS3.3, 10.7.1.3 (pixel spacing in
projection radiography) and C.8.11.7 (DX positioning).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cephkit.data.depth import full_range, histogram, widened
from cephkit.data.dicom.header import EXPORT_AGAIN, Header, read_header
from cephkit.data.dicom.layout import read_layout
from cephkit.data.dicom.levels import grey_levels, look_up_table
from cephkit.data.dicom.pixels import stored_pixels, surplus_notes
from cephkit.data.grey import Grey, look_up, luminance, row_blocks
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


_PROJECTIONS = (  # the standard's classes of X-ray films, and of pictures of them
    "1.2.840.10008.5.1.4.1.1.1",  # computed radiography; digital X-ray follows it with .1, .2, .3
    "1.2.840.10008.5.1.4.1.1.7",  # secondary capture
    "1.2.840.10008.5.1.4.1.1.12",  # angiography, fluoroscopy
    "1.2.840.10008.5.1.4.1.1.77",  # photographs
)

MOST_WHITE, MOST_CLIPPED = 0.4, 0.95
"""Shares of the pixels; the background of a film is black, and may be most of it."""


@dataclass(frozen=True)
class DicomFilm:
    """What is used of a DICOM file; none of it concerns the patient."""

    grey: Grey
    """(H, W) uint8 up to 8 stored bits, else uint16; bright bone."""
    spacing: Spacing | None
    notes: tuple[str, ...]


def read_dicom(data: bytes, path: Path, *, use_spacing: bool = True, ignore_bad_spacing: bool = False) -> DicomFilm:
    """Read the film in a DICOM file's bytes.

    Args:
        data: the file's bytes.
        path: the file, for messages.
        use_spacing: read the pixel size; False if the user gives one, or wants angles only.
        ignore_bad_spacing: read a film with an impossible pixel size without it, with a note.

    Raises:
        FilmError: the film is damaged, not a single picture, of an unsupported kind, or has an impossible pixel size.
    """
    header = read_header(data, path)
    layout = read_layout(header)
    try:
        spacing, notes = read_spacing(header) if use_spacing else (None, shape_notes(header))
    except FilmError as error:
        if not ignore_bad_spacing:
            raise
        spacing, notes = None, (f"{error.text}, and was not used",)
    kind = next(iter(header.text("SOPClassUID")), "")
    if kind and not any(kind == known or kind.startswith(f"{known}.") for known in _PROJECTIONS):
        notes = (*notes, "the file's SOP class is not that of an X-ray film")
    stored = stored_pixels(header, layout)
    pixels, colour, notes = stored.pixels, stored.colour, (*notes, *stored.notes, *surplus_notes(header.surplus))
    if layout.samples == 3:
        return DicomFilm(full_range(_colour_grey(pixels, colour)), spacing, notes)
    lowest = -(1 << layout.stored - 1) if layout.signed else 0
    if colour == "PALETTE COLOR":
        palette = _palette_levels(header, layout.stored, signed=layout.signed)
        return DicomFilm(widened(look_up(palette, pixels, lowest)), spacing, notes)
    present = _present(pixels, lowest, 1 << layout.stored)
    levels = grey_levels(header, layout.stored, present, signed=layout.signed)
    grey, notes = look_up(levels.grey, pixels, lowest), (*notes, *levels.notes)
    if not levels.is_windowed:
        return DicomFilm(widened(grey), spacing, notes)
    return DicomFilm(grey, spacing, (*notes, *_clipped(grey)))


def _clipped(grey: Grey) -> tuple[str, ...]:
    """Note that the file's window leaves little of the picture between black and white."""
    counts = histogram(grey)
    black, white = counts[0] / grey.size, counts[-1] / grey.size
    if white <= MOST_WHITE and black + white <= MOST_CLIPPED:
        return ()
    return (f"the file's window makes {white:.0%} of the picture white and {black:.0%} black",)


def _present(pixels: NDArray[Any], lowest: int, count: int) -> NDArray[np.bool_]:
    """Return which of the ``count`` values from ``lowest`` up occur in the film."""
    present = np.zeros(count, dtype=bool)
    for rows in row_blocks(pixels.shape):
        block = np.clip(pixels[rows].astype(np.int32) - lowest, 0, count - 1)
        present |= np.bincount(block.ravel(), minlength=count) > 0
    return present


def _colour_grey(pixels: NDArray[Any], colour: str) -> Grey:
    if colour.startswith("YBR"):
        return np.ascontiguousarray(pixels[..., 0])
    out = np.empty(pixels.shape[:2], dtype=pixels.dtype)
    for rows in row_blocks(out.shape):
        red, green, blue = (pixels[rows, :, channel].astype(np.uint32) for channel in range(3))
        out[rows] = luminance(red, green, blue)
    return out


def _palette_levels(header: Header, bits: int, *, signed: bool) -> Grey:
    """Compute the luminance of each stored value of a picture with a palette."""
    tables = []
    for name in ("Red", "Green", "Blue"):
        descriptor = f"{name}PaletteColorLookupTableDescriptor"
        table = look_up_table(header, descriptor, f"{name}PaletteColorLookupTableData", signed=signed)
        if table is None or table.bits not in (8, 16):
            raise FilmError("damaged DICOM: its palette is broken, or stored in segments", EXPORT_AGAIN, header.path)
        tables.append(table)
    stored = np.arange(1 << bits, dtype=np.float64) - ((1 << bits - 1) if signed else 0)
    red, green, blue = (table(stored).astype(np.uint32) for table in tables)
    levels = luminance(red, green, blue)
    return levels.astype(np.uint8) if tables[0].bits == 8 else levels.astype(np.uint16)

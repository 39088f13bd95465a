"""How a DICOM object's pixels are stored; checked before anything is unpacked."""

from dataclasses import dataclass

from pydicom.uid import UID_dictionary

from cephkit.data.dicom.header import EXPORT_AGAIN, Header
from cephkit.data.grey import COPY_AGAIN, check_bytes, check_size
from cephkit.errors import FilmError

_COLOURS = {
    1: ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"),
    3: ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"),
}


@dataclass(frozen=True)
class Layout:
    """How pixels are stored."""

    rows: int
    columns: int
    samples: int
    colour: str
    allocated: int
    stored: int
    signed: bool
    planar: int

    @property
    def native_bytes(self) -> int:
        """Size of the uncompressed picture."""
        samples = 2 if self.colour == "YBR_FULL_422" else self.samples
        return self.rows * self.columns * samples * self.allocated // 8


def read_layout(header: Header) -> Layout:
    """Read size and kind of the pixels.

    Raises:
        FilmError: there is no picture or several, or it is not of a film's kind, too large or too small.
    """
    path = header.path
    if not header.is_written("PixelData"):
        name = known_name(next(iter(header.text("SOPClassUID")), ""))
        raise FilmError(f"DICOM without a picture, or cut off before it ({name or 'unknown kind'})", EXPORT_AGAIN, path)
    frames = header.numbers("NumberOfFrames")
    if frames and frames[0] != 1:
        count = f"{frames[0]:.0f} pictures" if 1 < frames[0] < 1e6 else "no usable number of pictures"
        raise FilmError(f"DICOM with {count} (NumberOfFrames)", EXPORT_AGAIN, path)
    layout = Layout(
        rows=_word(header, "Rows"),
        columns=_word(header, "Columns"),
        samples=_word(header, "SamplesPerPixel", 1),
        colour=next(iter(header.text("PhotometricInterpretation")), ""),
        allocated=_word(header, "BitsAllocated"),
        stored=_word(header, "BitsStored", _word(header, "BitsAllocated")),
        signed=_word(header, "PixelRepresentation", 0) == 1,
        planar=_word(header, "PlanarConfiguration", 0),
    )
    check_size((layout.columns, layout.rows), path)
    if layout.samples not in _COLOURS:
        raise FilmError(f"DICOM with {layout.samples} values per pixel, not 1 or 3", EXPORT_AGAIN, path)
    if layout.colour not in _COLOURS[layout.samples]:
        expected = ", ".join(_COLOURS[layout.samples])
        raise FilmError(f"DICOM with a PhotometricInterpretation other than {expected}", EXPORT_AGAIN, path)
    high = _word(header, "HighBit", layout.stored - 1)
    if layout.allocated not in (8, 16) or not 1 < layout.stored <= layout.allocated or high != layout.stored - 1:
        reason = f"DICOM with pixels of {layout.allocated} bits, {layout.stored} of them used up to bit {high}"
        raise FilmError(f"{reason}: not 8 or 16, used from the lowest up", EXPORT_AGAIN, path)
    if layout.samples == 3 and (layout.signed or layout.planar not in (0, 1)):
        raise FilmError("DICOM with colours below zero or in no known order", EXPORT_AGAIN, path)
    check_bytes((layout.columns, layout.rows), layout.samples * layout.allocated // 8 + 2, path)
    return layout


def _word(header: Header, keyword: str, default: int | None = None) -> int:
    value = header.word(keyword)
    if value is not None and len(header.raw(keyword)) == 2:
        return value
    if default is None or header.is_written(keyword):
        raise FilmError(f"damaged DICOM: its {keyword} is missing or not a number", COPY_AGAIN, header.path)
    return default


def known_name(uid: str) -> str:
    """Return the standard's name of a UID, never the file's text."""
    return UID_dictionary[uid][0] if uid in UID_dictionary else ""

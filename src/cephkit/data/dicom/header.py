"""Reads the few header elements that a film needs, and never anything else of the header.

pydicom quotes values in its warnings and errors. So the elements named here are taken as raw bytes, all others are
skipped, and no message of pydicom's is passed on.
"""

import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_partial
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from cephkit.data.dicom import quiet  # noqa: F401
from cephkit.data.grey import COPY_AGAIN
from cephkit.data.kinds import begins_like_dicom
from cephkit.errors import FilmError

EXPORT_AGAIN = "export the film again, as one uncompressed grey DICOM picture or as PNG, or remove it"

_KEYWORDS = (
    "SOPClassUID", "NumberOfFrames", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation",
    "PlanarConfiguration", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "PixelPaddingValue", "PixelPaddingRangeLimit", "PixelAspectRatio",
    "PixelSpacing", "PixelSpacingCalibrationType", "ImagerPixelSpacing", "NominalScannedPixelSpacing",
    "EstimatedRadiographicMagnificationFactor", "DistanceSourceToDetector", "DistanceSourceToPatient",
    "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction",
    "VOILUTSequence", "PresentationLUTShape",
    "RedPaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableDescriptor", "BluePaletteColorLookupTableData",
    "PixelData",
)  # fmt: skip
_WANTED = {tag: keyword for keyword in _KEYWORDS if (tag := tag_for_keyword(keyword)) is not None}
_WANTED_INSIDE = {0x00283002: "LUTDescriptor", 0x00283006: "LUTData"}
_META = {0x00020010: "TransferSyntaxUID"}
_PIXEL_DATA = 0x7FE00010
_UNDEFINED_LENGTH = 0xFFFFFFFF
_LARGEST_ELEMENT = 300_000
"""Bytes; the largest element besides the pixels, a lookup table of 65,536 entries, has 131,072."""
_LARGEST_INSIDE = 4_000_000
"""Bytes of an element inside a sequence, or in the file's own header."""
_LARGEST_INFLATED = 100_000_000
_ITEM, _END_OF_ITEMS = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_BEHIND_PIXELS = (b"\xfc\xff\xfc\xff", b"\xfa\xff\xfa\xff")
"""Tags of padding and of signatures, in either byte order."""
_MOST_ITEMS = 10_000
_MOST_READS = 60_000
"""Two or three per element; a film's header has a few hundred, a hostile one as many as fit into the file."""


@dataclass(frozen=True)
class Header:
    """Elements of a DICOM object, or of one item of a sequence, by keyword. Text that is not a number gives NaN."""

    elements: Mapping[str, RawDataElement]
    items: Mapping[str, "Header"]
    """The first item of each sequence that has one."""
    path: Path
    transfer_syntax: str | None = None
    surplus: int = 0
    """Number of bytes after the pixels that belong to no element."""

    def raw(self, keyword: str) -> bytes:
        """Return the value's bytes; empty if the element is missing, empty, or of another kind."""
        element = self.elements.get(keyword)
        return element.value or b"" if element is not None else b""

    def text(self, keyword: str) -> tuple[str, ...]:
        """Return the values of a text element, without padding; none if it is missing or empty."""
        written = self.raw(keyword).decode("latin-1").strip(" \0")
        return tuple(value.strip(" \0") for value in written[:1024].split("\\")) if written else ()

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Return the values of an element that stores numbers as text."""
        return tuple(_number(value) for value in self.text(keyword))

    def word(self, keyword: str, index: int = 0, *, signed: bool = False) -> int | None:
        """Return one 16-bit value; None if it is missing."""
        value = self.raw(keyword)[2 * index : 2 * index + 2]
        return int.from_bytes(value, self.byte_order(keyword), signed=signed) if len(value) == 2 else None

    def byte_order(self, keyword: str) -> Literal["little", "big"]:
        """Return the byte order of a 16-bit value."""
        element = self.elements.get(keyword)
        return "little" if element is None or element.is_little_endian else "big"

    def is_written(self, keyword: str) -> bool:
        """Return whether the element is present and not empty."""
        return bool(self.raw(keyword))

    def is_encapsulated(self, keyword: str) -> bool:
        """Return whether the element's length is undefined, as for compressed pixels."""
        element = self.elements.get(keyword)
        return element is not None and element.length == _UNDEFINED_LENGTH

    def has_words(self, keyword: str) -> bool:
        """Return whether pixels are stored as 16-bit words."""
        element = self.elements.get(keyword)
        return element is not None and element.VR != "OB"

    def is_implicit(self, keyword: str) -> bool:
        """Return whether the element is stored without its type."""
        element = self.elements.get(keyword)
        return element is None or element.is_implicit_VR


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


class _Stream(io.BytesIO):
    """Bytes for pydicom, with limits: it would follow hostile ones for minutes."""

    def __init__(self, data: bytes, path: Path) -> None:
        super().__init__(data)
        self.path = path
        self.reads = 0
        self.largest = _LARGEST_INSIDE
        self.end: int | None = None
        """End of the pixels, once found; nothing after them is read."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.end is not None and self.tell() >= self.end:
            return b""
        self.reads += 1
        if self.reads > _MOST_READS:
            raise FilmError("damaged DICOM: its header does not end", COPY_AGAIN, self.path)
        if size is not None and size > self.largest:
            raise FilmError("damaged or truncated DICOM: an element is too long", COPY_AGAIN, self.path)
        return super().read(size)

    def is_past_pixels(self, tag: BaseTag, vr: str | None, length: int) -> bool:
        """Tell pydicom, before it reads an element's value, whether to stop."""
        if tag == _PIXEL_DATA:
            self.end = self._end_of_items() if length == _UNDEFINED_LENGTH else self.tell() + length
        self.largest = len(self.getbuffer()) if tag == _PIXEL_DATA else _LARGEST_INSIDE
        if tag in _WANTED and tag != _PIXEL_DATA and _LARGEST_ELEMENT < length != _UNDEFINED_LENGTH:
            raise FilmError(f"damaged DICOM: its {_WANTED[tag]} is {length:,} bytes long", COPY_AGAIN, self.path)
        return bool(tag > _PIXEL_DATA)

    def _end_of_items(self) -> int | None:
        """Find the end of the chain of items that begins here (PS3.5 A.4); None if it is broken."""
        data, position = self.getbuffer(), self.tell()
        for _ in range(_MOST_ITEMS):
            tag = bytes(data[position : position + 4])
            if tag == _END_OF_ITEMS:
                return position + 8
            if tag != _ITEM:
                return None
            position += 8 + int.from_bytes(data[position + 4 : position + 8], "little")
        return None

    def surplus(self) -> int:
        """Count the bytes after the pixels, unless they are elements allowed there."""
        rest = bytes(self.getbuffer()[self.end :]) if self.end is not None else b""
        return 0 if rest[:4] in _BEHIND_PIXELS else len(rest)


def read_header(data: bytes, path: Path) -> Header:
    """Read the header of a DICOM file, and its pixels as stored.

    Raises:
        FilmError: the file is not DICOM, is damaged, or is made to be endless.
    """
    try:
        header = _read(data, path)
    except (FilmError, MemoryError):
        raise
    except Exception as error:  # hostile bytes make pydicom raise errors of every kind
        kind = type(error).__name__
    else:
        return header
    # Raised outside, so that it does not carry pydicom's error, which may quote the header.
    raise FilmError(f"damaged or truncated DICOM ({kind})", COPY_AGAIN, path)


def _read(data: bytes, path: Path) -> Header:
    stream = _Stream(data, path)
    syntax = None
    if begins_like_dicom(data):
        stream.seek(132)
        about = read_dataset(stream, False, True, stop_when=lambda tag, vr, length: tag >> 16 != 2)
        syntax = next(iter(_header(about, path, _META).text("TransferSyntaxUID")), None)
    if syntax == DeflatedExplicitVRLittleEndian:
        stream = _Stream(_inflated(data[stream.tell() :], path), path)
        elements = read_dataset(stream, False, True, stop_when=stream.is_past_pixels, specific_tags=list(_WANTED))
    else:
        stream.seek(0)
        elements = read_partial(stream, stream.is_past_pixels, force=True, specific_tags=[BaseTag(t) for t in _WANTED])
    header = replace(_header(elements, path, _WANTED), transfer_syntax=syntax, surplus=stream.surplus())
    if not any(header.is_written(keyword) for keyword in ("SOPClassUID", "Rows", "PixelData")):
        raise FilmError("damaged or truncated DICOM, or not DICOM: it contains no picture", COPY_AGAIN, path)
    return header


def _header(dataset: Dataset, path: Path, wanted: Mapping[int, str]) -> Header:
    """Keep the raw bytes, so that pydicom converts nothing later and cannot fail at it."""
    elements: dict[str, RawDataElement] = {}
    items: dict[str, Header] = {}
    for tag, keyword in wanted.items():
        if tag not in dataset:
            continue
        if keyword.endswith("Sequence"):
            sequence = dataset[tag].value
            if sequence:
                items[keyword] = _header(sequence[0], path, _WANTED_INSIDE)
        elif isinstance(element := dataset.get_item(tag), RawDataElement):
            elements[keyword] = element
    return Header(elements, items, path)


def _inflated(deflated: bytes, path: Path) -> bytes:
    inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated, _LARGEST_INFLATED + 1)
    if len(inflated) > _LARGEST_INFLATED:
        raise FilmError(f"deflated DICOM of more than the {_LARGEST_INFLATED:,} bytes allowed", EXPORT_AGAIN, path)
    return inflated

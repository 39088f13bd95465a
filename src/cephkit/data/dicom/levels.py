"""From stored pixel values to the grey levels that a viewer displays.

Every step of DICOM's greyscale pipeline maps one value to one value. So the whole is computed once per possible value
instead of once per pixel.

Reference: DICOM PS3.3, C.11.1 (modality), C.11.2 (values of interest), C.11.6 (presentation), C.7.5.1.1.2 (padding).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cephkit.data.depth import as_grey, white_level
from cephkit.data.dicom.header import EXPORT_AGAIN, Header
from cephkit.data.grey import Grey
from cephkit.errors import FilmError
from cephkit.geometry import Floats


@dataclass(frozen=True)
class Levels:
    """From stored values to greys."""

    grey: Grey
    """(2**bits,), lowest stored value first: uint8 up to 8 bits, uint16 above; black at 0, white at the type's end."""
    notes: tuple[str, ...]
    is_windowed: bool
    """Whether the file itself defines black and white."""


@dataclass(frozen=True)
class LookUp:
    """A lookup table: ``entries`` (N,) of ``bits``, the first for the value ``first``."""

    entries: Grey
    first: int
    bits: int

    def __call__(self, values: Floats) -> Floats:
        """Return the entry of each value; values beyond the table get its first or last."""
        return self.entries[np.clip(values - self.first, 0, len(self.entries) - 1).astype(np.intp)].astype(np.float64)


def look_up_table(item: Header, descriptor: str, data: str, *, signed: bool) -> LookUp | None:
    """Read the table stored in two elements; None if it is missing or damaged."""
    count, first, bits = item.word(descriptor), item.word(descriptor, 1, signed=signed), item.word(descriptor, 2)
    written = item.raw(data)
    if count is None or first is None or bits is None or not 8 <= bits <= 16:
        return None
    count = count or 1 << 16
    if len(written) >= 2 * count:
        order = "<" if item.byte_order(data) == "little" else ">"
        return LookUp(np.frombuffer(written, f"{order}u2", count).astype(np.uint16), first, bits)
    if len(written) >= count and bits == 8:  # two entries in a word
        return LookUp(np.frombuffer(written, np.uint8, count), first, bits)
    return None


def grey_levels(header: Header, bits: int, present: NDArray[np.bool_], *, signed: bool) -> Levels:
    """Compute the grey level of each stored value. ``present`` (2**bits,), lowest first: which values the film has.

    Raises:
        FilmError: the modality's lookup table is damaged.
    """
    stored = np.arange(1 << bits) - ((1 << bits - 1) if signed else 0)
    padded = present & _padding(header, stored, signed=signed)
    visible = present & ~padded if (present & ~padded).any() else present
    deepest = 255 if bits <= 8 else 65535
    notes: tuple[str, ...] = ()
    if "ModalityLUTSequence" in header.items:
        table = _modality_table(header, signed=signed)
        measured, falling = table(stored.astype(np.float64)), False
        levels, bits = measured, table.bits
    else:
        measured, notes = _rescaled(header, stored.astype(np.float64))
        falling = bool(measured[0] > measured[-1])
        # Signed values of which none is below zero belong to an unsigned film.
        has_negative = bool(stored[visible].min() < 0)
        levels = (stored - stored[0] if has_negative else np.maximum(stored, 0)).astype(np.float64)
    share, window_notes = _values_of_interest(header, measured, signed=signed or measured.min() < 0)
    if share is not None and np.ptp(levels[visible]) > 0 and np.ptp(share[visible]) == 0:
        share, window_notes = None, ("the file's window leaves a single grey, and was not used",)
    is_windowed = share is not None
    if share is None:
        share = _by_depth(levels, visible, bits, inverted=falling != _is_inverted(header))
    elif _is_inverted(header):
        share = 1 - share
    if (present & ~visible).any():
        share = np.where(padded, share[visible].min(), share)
    return Levels(as_grey(share, deepest), (*notes, *window_notes), is_windowed)


def _by_depth(levels: Floats, visible: NDArray[np.bool_], most_bits: int, *, inverted: bool) -> Floats:
    """Compute greys from 0 to 1 without a window, as for any other picture (``depth``)."""
    values = np.unique(levels[visible]).astype(np.int64)
    top = white_level(int(values[-1]), int(np.bitwise_or.reduce(values)) if most_bits > 8 else 1, most_bits)
    if inverted:
        return _by_depth(np.maximum(top - levels, 0), visible, most_bits, inverted=False)
    return np.minimum(levels / top, 1)


def _is_inverted(header: Header) -> bool:
    # Both together are one inversion: DX requires the second wherever there is the first (C.8.11.3.1.2).
    return "MONOCHROME1" in header.text("PhotometricInterpretation") or "INVERSE" in header.text("PresentationLUTShape")


def _padding(header: Header, stored: NDArray[np.intp], *, signed: bool) -> NDArray[np.bool_]:
    """Return which stored values are not part of the picture."""
    value = header.word("PixelPaddingValue", signed=signed)
    if value is None:
        return np.zeros(stored.shape, dtype=bool)
    limit = header.word("PixelPaddingRangeLimit", signed=signed)
    limit = value if limit is None else limit
    return (stored >= min(value, limit)) & (stored <= max(value, limit))


def _modality_table(header: Header, *, signed: bool) -> LookUp:
    table = look_up_table(header.items["ModalityLUTSequence"], "LUTDescriptor", "LUTData", signed=signed)
    if table is None:
        raise FilmError("damaged DICOM: its modality lookup table", EXPORT_AGAIN, header.path)
    return table


def _rescaled(header: Header, stored: Floats) -> tuple[Floats, tuple[str, ...]]:
    slope, intercept = header.numbers("RescaleSlope"), header.numbers("RescaleIntercept")
    if not slope and not intercept:
        return stored, ()
    if len(slope) == len(intercept) == 1 and slope[0] != 0:
        with np.errstate(over="ignore", invalid="ignore"):
            rescaled = stored * slope[0] + intercept[0]
        if np.isfinite(rescaled).all():
            return rescaled, ()
    return stored, ("RescaleSlope and RescaleIntercept are not usable numbers, and were ignored",)


def _values_of_interest(header: Header, values: Floats, *, signed: bool) -> tuple[Floats | None, tuple[str, ...]]:
    """Map each value to a grey from 0 (black) to 1 by the first lookup table or window; None without one."""
    item = header.items.get("VOILUTSequence")
    table = look_up_table(item, "LUTDescriptor", "LUTData", signed=signed) if item else None
    if table is not None:
        return np.clip(table(values) / ((1 << table.bits) - 1), 0, 1), ()
    notes = ("the file's VOI lookup table is damaged, and was not used",) if item else ()
    centers, widths = header.numbers("WindowCenter"), header.numbers("WindowWidth")
    if not centers or not widths:
        return None, notes
    kind = next(iter(header.text("VOILUTFunction")), "LINEAR").upper()
    share = _window(values, centers[0], widths[0], kind)
    if share is None:
        return None, (*notes, "the file's window is invalid, and was not used")
    return share, notes


def _window(values: Floats, center: float, width: float, kind: str) -> Floats | None:
    """Apply PS3.3 C.11.2.1.2 or C.11.2.1.3, from 0 to 1; None if the numbers do not define a window."""
    narrowest = 1.0 if kind == "LINEAR" else 1e-6
    if not (np.isfinite(center) and narrowest <= width < 1e9):
        return None
    if kind == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    if kind == "LINEAR":
        center, width = center - 0.5, width - 1
    if width == 0:
        return (values > center).astype(np.float64)
    return np.clip((values - center) / width + 0.5, 0, 1)

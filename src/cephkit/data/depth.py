"""The one rule that maps stored grey values to black and white, for films of 8 bits and of 16.

A 16-bit file does not say how many of the bits count: 12-bit detectors fill the lowest 12. Nor may the rule depend only
on the file's depth, or the same film would look different when saved in 8 bits and in 16. So it has two steps, both a
function of the picture alone:

1. White is the largest value of the bits in use, an even number of them as detectors have: 8, 10, 12, 14 or 16. Only a
   film darker than a quarter of its depth can be mistaken for one of fewer bits, and then equally at every depth.
2. A film whose greys fill less than two fifths of that range is widened to two fifths; all others stay as they are (of
   279 films of the ISBI challenge, the narrowest fills 0.56). The change grows continuously from zero, so that no
   single pixel decides it.

Neither changes an ordinary 8-bit film. A film with a window (DICOM) defines black and white itself, and does not change
either.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cephkit.data.grey import Grey, look_up, row_blocks

LEAST_SPAN = 0.4
"""Least share of the range from black to white that a film's greys fill after widening."""
_OUTLIERS = 0.001
"""Share of the pixels at each end that are ignored: burnt-in text, dead pixels."""
_ROUNDING = 0.01
"""Tolerance, so that rounding does not widen a widened film again."""


def bits_in_use(highest: int) -> int:
    """Return the smallest even number of bits that holds ``highest``."""
    return max(2, highest.bit_length() + highest.bit_length() % 2)


def white_level(highest: int, used: int, most_bits: int = 16) -> int:
    """Return the stored value that is white.

    Args:
        highest: largest value of the film.
        used: bitwise or of all its values. Low bits that none uses mean that values were shifted up, such as 12 bits in
            the upper ones of 16; white then lacks these bits too.
        most_bits: most bits that a value may have.
    """
    unused = min((used & -used) - 1, 0xFF) if used else 0
    return (1 << min(most_bits, bits_in_use(highest))) - 1 - unused


def full_range(grey: Grey, *, white_is_zero: bool = False) -> Grey:
    """Return ``grey`` (H, W) with black at 0 and white at the end of its type, see above.

    Args:
        grey: stored values, uint8 or uint16.
        white_is_zero: invert within the bits in use.
    """
    used = 1 if grey.dtype == np.uint8 else int(np.bitwise_or.reduce(grey, axis=None))
    top = white_level(int(grey.max()), used)
    if white_is_zero:
        return full_range(np.uint8(top) - grey if grey.dtype == np.uint8 else np.uint16(top) - grey)
    white = int(np.iinfo(grey.dtype).max)
    if top == white:
        return widened(grey)
    levels = np.minimum(np.arange(white + 1, dtype=np.float64), top)
    return widened(look_up(as_grey(levels / top, white), grey))


def widened(grey: Grey) -> Grey:
    """Widen the greys of ``grey`` (H, W) to ``LEAST_SPAN`` of its type's range if they fill less."""
    counts = histogram(grey)
    white = len(counts) - 1
    shares = np.cumsum(counts) / grey.size
    low, high = (int(np.searchsorted(shares, share)) / white for share in (_OUTLIERS, 1 - _OUTLIERS))
    span = high - low
    if span == 0 or span >= LEAST_SPAN - _ROUNDING:
        return grey
    middle = (low + high) / 2
    kept = min(max(middle, LEAST_SPAN / 2), 1 - LEAST_SPAN / 2)
    levels = kept + (np.arange(white + 1) / white - middle) * (LEAST_SPAN / span)
    return look_up(as_grey(np.clip(levels, 0, 1), white), grey)


def as_grey(shares: NDArray[np.float64], white: int) -> Grey:
    """Return ``shares`` of white, 0 to 1, as uint8 if ``white`` is 255, else as uint16."""
    levels = np.rint(shares * white)
    return levels.astype(np.uint8) if white == np.iinfo(np.uint8).max else levels.astype(np.uint16)


def histogram(grey: Grey) -> NDArray[np.int64]:
    """Count the pixels of each grey: (256,) for uint8, (65536,) for uint16."""
    if grey.dtype == np.uint8:
        return np.array(Image.fromarray(grey).histogram(), dtype=np.int64)
    counts = np.zeros(1 << 16, dtype=np.int64)
    for rows in row_blocks(grey.shape, 1 << 20):
        counts += np.bincount(grey[rows].ravel(), minlength=1 << 16)
    return counts

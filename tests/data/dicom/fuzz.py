"""Spoil compressed DICOM films of every kind at random and read them: each is opened or refused with a reason.

python -m tests.data.dicom.fuzz [COUNT OF EACH KIND]
"""

import io
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    JPEG2000,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from cephkit.data.dicom.read import read_dicom
from cephkit.errors import FilmError
from tests.data.dicom.made import compressed, film, shades, written
from tests.data.dicom.test_read import by_gdcm, smooth

END_OF_JPEG, END_OF_ITEMS = b"\xff\xd9", b"\xfe\xff\xdd\xe0\0\0\0\0"


def kinds(folder: Path) -> dict[str, bytes]:
    """A whole film of each compression and depth."""
    lossless = (JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, RLELossless)
    films = {
        f"{syntax.name}, {bits} bits": by_gdcm(film(shades(bits), BitsStored=bits), syntax, folder)
        for bits in (8, 12, 16)
        for syntax in lossless
    }
    colour = np.dstack([smooth(), smooth()[::-1], smooth() // 2])
    ybr = {"PhotometricInterpretation": "YBR_FULL_422"}
    near = film(smooth())
    written(near)
    near.compress(JPEGLSNearLossless, jls_error=2)
    return films | {
        "baseline": compressed(film(smooth()), saved(smooth(), "JPEG"), JPEGBaseline8Bit),
        "progressive": compressed(film(smooth()), saved(smooth(), "JPEG", progressive=True), JPEGExtended12Bit),
        "baseline colour": compressed(film(colour, **ybr), saved(colour, "JPEG"), JPEGBaseline8Bit),
        "JPEG 2000": compressed(film(smooth()), saved(smooth(), "JPEG2000", no_jp2=True, irreversible=True), JPEG2000),
        "near-lossless JPEG-LS": written(near, JPEGLSNearLossless),
    }


def saved(pixels: np.ndarray, kind: str, **options: bool) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def spoilt(data: bytes, chance: random.Random) -> bytes:
    """The film with a few bytes changed, cut out or put in: mostly in its frame, most of these in the frame's head."""
    if chance.random() < 0.2:
        return _scrambled(data, 132, chance)
    start = data.index(b"\xe0\x7f\x10\0") + 12
    frame = _scrambled(get_frame(data[start:], 0, number_of_frames=1), 0, chance)
    frame += END_OF_JPEG if chance.random() < 0.5 and END_OF_JPEG not in frame[-4:] else b""
    return data[:start] + encapsulate([frame]) + END_OF_ITEMS


def _scrambled(data: bytes, start: int, chance: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = start + int((len(out) - start) * chance.random() ** chance.choice((1, 3, 6)))
        kind, length = chance.random(), chance.randrange(1, 20)
        if kind < 0.7:
            out[at] = chance.choice((0, 255, chance.randrange(256), out[at] ^ (1 << chance.randrange(8))))
        elif kind < 0.8:
            del out[at : at + length]
        elif kind < 0.9:
            out[at:at] = chance.randbytes(length)
        else:
            out[at : at + 8] = out[-8:]
    return bytes(out)


def fuzz(count: int, seed: int = 5) -> Counter[str]:
    """How many of ``count`` spoilt films of each kind were opened, or were refused and why."""
    chance, outcomes = random.Random(seed), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        films = kinds(Path(folder))
    for data in films.values():
        for _ in range(count):
            try:
                read_dicom(spoilt(data, chance), Path("film.dcm"))
                outcomes["opened"] += 1
            except FilmError as error:
                outcomes[error.text if error.remedy else ""] += 1
    return outcomes


if __name__ == "__main__":
    for outcome, times in fuzz(int(sys.argv[1]) if len(sys.argv) > 1 else 1000).most_common():
        print(times, outcome)

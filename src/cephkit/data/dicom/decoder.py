"""The process that unpacks compressed pixels for ``decoding``: a film in, its pixels out, until the input ends.

    python -m cephkit.data.dicom.decoder

A message is the length of a JSON head, the head, and as many bytes as it announces.
"""

import contextlib
import faulthandler
import json
import os
import sys
from typing import IO, Any

READY = b"cephkit decoder\n"
MOST_MEMORY = 4 << 30
"""Bytes, including libraries; a film of the most pixels allowed needs less than half."""
_LONGEST_HEAD = 10_000


def write_message(file: IO[bytes], head: dict[str, Any], data: bytes | memoryview = b"") -> None:
    """Write ``head`` and ``data``.

    Raises:
        OSError: the other side has closed.
    """
    text = json.dumps({**head, "bytes": len(data)}).encode()
    file.write(len(text).to_bytes(4, "little") + text)
    file.write(data)
    file.flush()


def read_message(file: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Read a head and its data.

    Raises:
        EOFError: the other side has ended.
        ValueError: this is not a message.
    """
    length = int.from_bytes(_read(file, 4), "little")
    if length > _LONGEST_HEAD:
        raise ValueError("not a message")
    head = json.loads(_read(file, length))
    if not isinstance(head, dict) or not isinstance(head.get("bytes"), int):
        raise ValueError("not a message")
    return head, _read(file, head["bytes"])


def _read(file: IO[bytes], count: int) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise EOFError
    return data


def decode(about: dict[str, Any], frame: bytes) -> tuple[dict[str, Any], memoryview]:
    """Decode one compressed picture with pydicom's decoder for ``syntax`` with ``plugin`` and ``options``."""
    import numpy as np
    from pydicom.encaps import encapsulate
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    decoder = get_decoder(UID(about["syntax"]))
    pixels, facts = decoder.as_array(
        encapsulate([frame]), raw=True, decoding_plugin=about["plugin"], **about["options"]
    )
    head = {"type": pixels.dtype.name, "colour": str(facts["photometric_interpretation"])}
    return head, np.ascontiguousarray(pixels).data.cast("B")


def main() -> None:
    """Answer until the input ends."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "r+b") as nowhere:  # noqa: PTH123 - libraries may write anything to 1
        os.dup2(nowhere.fileno(), 0)
        os.dup2(nowhere.fileno(), 1)
    _import_decoders()
    _limit()
    answers.write(READY)
    answers.flush()
    while True:
        try:
            about, frame = read_message(requests)
        except EOFError:
            return
        # A native thread ends a decoder that does not return, which a Python thread could not.
        faulthandler.dump_traceback_later(about.pop("seconds"), exit=True)
        try:
            head, pixels = decode(about, frame)
        except Exception as error:  # hostile bytes make decoders raise errors of every kind
            head, pixels = {"fault": type(error).__name__}, memoryview(b"")
        faulthandler.cancel_dump_traceback_later()
        write_message(answers, head, pixels)


def _import_decoders() -> None:
    """Import before the first film, so that its limits of time and memory apply to it alone."""
    import pydicom.pixels
    from pydicom.uid import JPEGLosslessSV1, JPEGLSLossless

    from cephkit.data.dicom import quiet  # noqa: F401

    for syntax in (JPEGLosslessSV1, JPEGLSLossless):
        _ = pydicom.pixels.get_decoder(syntax).is_available


def _limit() -> None:
    """Allow no more memory than a film may need, no files, and no dump or window after a crash."""
    if sys.platform == "win32":
        import ctypes

        ctypes.windll.kernel32.SetErrorMode(0x0001 | 0x0002)
        return
    import resource

    for limit, most in ((resource.RLIMIT_AS, MOST_MEMORY), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        with contextlib.suppress(ValueError, OSError):  # already lower, or not available on this system
            resource.setrlimit(limit, (most, most))


if __name__ == "__main__":
    main()

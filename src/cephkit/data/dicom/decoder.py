"""The process that unpacks compressed pixels for ``decoding``: a film in, its pixels out, until the input ends.

    python -m cephkit.data.dicom.decoder

A message is the length of a JSON head, the head, and as many bytes as it says.
"""

import contextlib
import faulthandler
import json
import os
import sys
from typing import IO, Any

READY = b"cephkit decoder\n"
MOST_MEMORY = 4 << 30
"""Bytes, counted with libraries; a film of the most pixels allowed takes less than a half."""
_LONGEST_HEAD = 10_000


def write_message(file: IO[bytes], head: dict[str, Any], data: bytes | memoryview = b"") -> None:
    """Writes ``head`` and ``data``.

    Raises:
        OSError: nobody reads.
    """
    text = json.dumps({**head, "bytes": len(data)}).encode()
    file.write(len(text).to_bytes(4, "little") + text)
    file.write(data)
    file.flush()


def read_message(file: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """A head and its data.

    Raises:
        EOFError: the other side has ended.
        ValueError: this is no message.
    """
    length = int.from_bytes(_read(file, 4), "little")
    if length > _LONGEST_HEAD:
        raise ValueError("no message")
    head = json.loads(_read(file, length))
    if not isinstance(head, dict) or not isinstance(head.get("bytes"), int):
        raise ValueError("no message")
    return head, _read(file, head["bytes"])


def _read(file: IO[bytes], count: int) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise EOFError
    return data


def decode(about: dict[str, Any], frame: bytes) -> tuple[dict[str, Any], memoryview]:
    """The pixels of one compressed picture, by pydicom's decoder for ``syntax`` with ``plugin`` and ``options``."""
    import numpy as np
    from pydicom.encaps import encapsulate
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    decoder = get_decoder(UID(about["syntax"]))
    pixels, said = decoder.as_array(encapsulate([frame]), raw=True, decoding_plugin=about["plugin"], **about["options"])
    head = {"type": pixels.dtype.name, "colour": str(said["photometric_interpretation"])}
    return head, np.ascontiguousarray(pixels).data.cast("B")


def main() -> None:
    """Answers until the input ends."""
    come, go = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "r+b") as nowhere:  # noqa: PTH123 - libraries write what they like to 1
        os.dup2(nowhere.fileno(), 0)
        os.dup2(nowhere.fileno(), 1)
    _import_decoders()
    _limit()
    go.write(READY)
    go.flush()
    while True:
        try:
            about, frame = read_message(come)
        except EOFError:
            return
        # A thread of its own ends a decoder that does not come back, which Python's could not.
        faulthandler.dump_traceback_later(about.pop("seconds"), exit=True)
        try:
            head, pixels = decode(about, frame)
        except Exception as error:  # decoders meet hostile bytes with errors of every kind
            head, pixels = {"fault": type(error).__name__}, memoryview(b"")
        faulthandler.cancel_dump_traceback_later()
        write_message(go, head, pixels)


def _import_decoders() -> None:
    """Before the first film, so that its time and memory are its own."""
    import pydicom.pixels
    from pydicom.uid import JPEGLosslessSV1, JPEGLSLossless

    from cephkit.data.dicom import quiet  # noqa: F401

    for syntax in (JPEGLosslessSV1, JPEGLSLossless):
        _ = pydicom.pixels.get_decoder(syntax).is_available


def _limit() -> None:
    """No more memory than a film may need, no files, no dump and no window after a crash."""
    if sys.platform == "win32":
        import ctypes

        ctypes.windll.kernel32.SetErrorMode(0x0001 | 0x0002)
        return
    import resource

    for limit, most in (
        (resource.RLIMIT_AS, MOST_MEMORY),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # lower already, or not on this system
            resource.setrlimit(limit, (most, most))


if __name__ == "__main__":
    main()

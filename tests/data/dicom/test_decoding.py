"""A decoder that crashes, hangs or takes all memory ends alone."""

import os
import re
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1

from cephkit.data.dicom import decoding, pixels
from cephkit.data.dicom.decoder import MOST_MEMORY
from cephkit.data.dicom.decoding import DecodingError, decoded
from cephkit.data.dicom.pixels import Frame
from cephkit.data.dicom.read import read_dicom
from cephkit.errors import FilmError
from tests.data.dicom.hostile import END, GARBAGE, jpeg_2000, jpeg_head, packed
from tests.data.dicom.made import compressed, film, shades

SIZE = (48, 40)
WHOLE = compressed(film(shades(8)), jpeg_2000(SIZE), JPEG2000Lossless)


@pytest.fixture(autouse=True)
def _own_decoders() -> Iterator[None]:
    decoding.end_all()
    yield
    decoding.end_all()


def about(syntax: str, plugin: str, size: tuple[int, int] = SIZE) -> dict[str, Any]:
    options = {
        "rows": size[0], "columns": size[1], "number_of_frames": 1, "samples_per_pixel": 1,
        "photometric_interpretation": "MONOCHROME2", "bits_allocated": 8, "bits_stored": 8, "pixel_representation": 0,
        "planar_configuration": 0, "pixel_keyword": "PixelData", "pixel_vr": "OB",
    }  # fmt: skip
    return {"syntax": str(syntax), "plugin": plugin, "options": options}


def unpacked() -> None:
    np.testing.assert_array_equal(decoded(jpeg_2000(SIZE), about(JPEG2000Lossless, "pillow"), SIZE)[0], shades(8))


def running() -> list[int]:
    return [decoder.process.pid for decoder in decoding._idle]


def test_one_process_decodes_film_after_film() -> None:
    unpacked()
    first = running()
    unpacked()
    assert (running(), len(first)) == (first, 1)
    limits = Path(f"/proc/{first[0]}/limits")
    if limits.exists():
        assert re.search(rf"Max address space +{MOST_MEMORY} ", limits.read_text())
        assert re.search(r"Max file size +0 ", limits.read_text())
    decoding.end_all()
    assert running() == []


def test_a_crash_ends_the_decoder_alone_and_the_next_film_is_read() -> None:
    pytest.importorskip("gdcm", reason="python-gdcm is not installed")
    frame = bytearray(jpeg_head(0xC3, *SIZE, GARBAGE + END))
    frame[frame.index(b"\xff\xc3") + 4] = 20  # bits: more than its decoder has room for
    with pytest.raises(DecodingError, match=r"the decoder crashed \((SIG\w+|status \d+)\)"):
        decoded(bytes(frame), about(JPEGLosslessSV1, "gdcm"), SIZE)
    assert running() == []
    unpacked()


def test_a_decoder_that_was_killed_meanwhile_is_replaced() -> None:
    unpacked()
    (decoder,) = decoding._idle
    decoder.process.kill()
    decoder.process.wait()
    unpacked()
    assert running() != [decoder.process.pid]


def test_a_film_gets_no_more_than_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked()
    size = (600, 600)
    monkeypatch.setattr(decoding, "SECONDS", 0.001)
    monkeypatch.setattr(decoding, "SECONDS_PER_PIXEL", 0.0)
    with pytest.raises(DecodingError, match=r"took more than 0 s"):
        decoded(jpeg_2000(size), about(JPEG2000Lossless, "pillow", size), size)
    monkeypatch.undo()
    unpacked()


def test_what_a_decoder_cannot_read_is_a_fault_without_the_files_words() -> None:
    with pytest.raises(DecodingError) as caught:
        decoded(b"SENTINEL" * 9, about(JPEG2000Lossless, "pillow"), SIZE)
    assert "SENTINEL" not in repr(caught.value)
    with pytest.raises(DecodingError, match="a size that differs"):
        decoded(jpeg_2000(SIZE), about(JPEG2000Lossless, "pillow"), (48, 41))


def test_a_film_that_crashes_its_decoder_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gdcm", reason="python-gdcm is not installed")
    frame = bytearray(jpeg_head(0xC3, 200, 200, GARBAGE.replace(b"\xff", b"\0") + END))
    frame[frame.index(b"\xff\xc3") + 4] = 20
    data = packed(bytes(frame), JPEGLosslessSV1)
    with pytest.raises(FilmError, match=r"bad\.dcm: damaged .*20 bits inside, where the header allows 8.*remove it"):
        read_dicom(data, Path("bad.dcm"))
    monkeypatch.setattr(pixels, "compressed_frame", lambda *_: Frame(bytes(frame)))  # no check sees all that crashes
    with pytest.raises(FilmError, match=r"bad\.dcm: damaged .*the decoder crashed.*remove it"):
        read_dicom(data, Path("bad.dcm"))


def test_threads_have_a_decoder_each() -> None:
    with ThreadPoolExecutor(3) as pool:
        for film_read in pool.map(lambda _: read_dicom(WHOLE, Path("film.dcm")), range(12)):
            np.testing.assert_array_equal(film_read.grey, shades(8))
    assert 1 <= len(set(running())) <= 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_fork_starts_its_own() -> None:
    unpacked()
    mine = running()
    child = os.fork()
    if child == 0:
        os._exit(0 if running() == [] and not unpacked() and running() != mine else 1)
    assert os.waitpid(child, 0)[1] == 0
    unpacked()
    assert running() == mine


@pytest.mark.skipif(sys.platform == "win32", reason="process groups")
def test_ctrl_c_in_the_terminal_does_not_reach_the_decoder() -> None:
    unpacked()
    assert os.getpgid(running()[0]) != os.getpgid(0)
    with pytest.raises(KeyboardInterrupt), decoding._lent():  # and one that comes while it works leaves no answer
        signal.raise_signal(signal.SIGINT)
    assert running() == []


def test_a_process_that_cannot_be_started_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(FilmError, match=r"film\.dcm: compressed .*cannot be started .*export the film again") as caught:
        read_dicom(WHOLE, Path("film.dcm"))
    assert "damaged" not in str(caught.value)
    monkeypatch.undo()
    monkeypatch.setattr(decoding, "READY", b"another version\n")
    with pytest.raises(FilmError, match=r"cannot be started \(its process ended with status"):
        read_dicom(WHOLE, Path("film.dcm"))

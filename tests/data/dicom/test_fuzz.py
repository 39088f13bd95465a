import pytest

from tests.data.dicom.fuzz import fuzz

pytest.importorskip("gdcm", reason="python-gdcm is not installed")
pytest.importorskip("jpeg_ls", reason="pyjpegls is not installed")


@pytest.mark.filterwarnings("ignore")
def test_a_spoilt_compressed_film_is_opened_or_refused_and_nothing_else() -> None:
    outcomes = fuzz(4)
    assert sum(outcomes.values()) == 80
    assert 8 <= outcomes["opened"] <= 60
    assert len(outcomes) > 10
    assert outcomes[""] == 0

import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from cephkit.cephalometry.analyses import ANALYSES, measure
from cephkit.cephalometry.measures import MEASUREMENTS
from cephkit.commands.export import main
from cephkit.data.opened import content_hash
from cephkit.errors import FilmError, SettingsError
from tests.interchange.films import HEIGHT, PATIENT, WIDTH, face, write_dicom, write_picture, write_prediction

highdicom = pytest.importorskip("highdicom")

COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"


def run(tmp_path: Path, *more: str) -> Dataset:
    arguments = [str(tmp_path / "in"), "--format", "dicom_sr", "--films", str(tmp_path / "films")]
    assert main([*arguments, "--out", str(tmp_path / "out"), "--overwrite", *more]) == 0
    return pydicom.dcmread(tmp_path / "out" / "f_sr.dcm")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Of a film on which all landmarks but R were found."""
    points = face(8)
    del points["R"]
    folder = tmp_path_factory.mktemp("sr")
    made(folder, points=points, missing=["R"])
    return run(folder)


def made(tmp_path: Path, header: dict[str, Any] | None = None, **more: Any) -> None:
    film = {"file": "f.dcm", "width": WIDTH, "height": HEIGHT}
    write_prediction(tmp_path / "in" / "f.json", more.pop("points", {"A": (100.25, 200.5)}), film=film, **more)
    write_dicom(tmp_path / "films" / "f.dcm", **(header or {}))


# The tree is walked by hand, with codes from PS3.16, so that no reading depends on the library that wrote it.


def inside(item: Dataset, code: str, kind: str = "") -> Iterator[Dataset]:
    """The items below ``item`` with that concept name (and value type)."""
    for child in item.get("ContentSequence", []):
        name = child.ConceptNameCodeSequence[0] if "ConceptNameCodeSequence" in child else Dataset()
        if name.get("CodeValue") == code and child.ValueType == (kind or child.ValueType):
            yield child


def only(item: Dataset, code: str, kind: str = "") -> Dataset:
    (found,) = inside(item, code, kind)
    return found


def groups(report: Dataset) -> dict[str, Dataset]:
    """Measurement groups by their tracking identifier."""
    measurements = only(report, "126010", "CONTAINER")
    found = list(inside(measurements, "125007", "CONTAINER"))
    return {str(only(group, "112039", "TEXT").TextValue): group for group in found}


def numbers(group: Dataset) -> dict[str, Dataset]:
    found = [item for item in group.ContentSequence if item.ValueType == "NUM"]
    names = [item.ConceptNameCodeSequence[0] for item in found]
    return {str(name.get("CodeValue") or name.LongCodeValue): item for name, item in zip(names, found, strict=True)}


def value(number: Dataset) -> tuple[float, str]:
    measured = number.MeasuredValueSequence[0]
    return float(measured.NumericValue), str(measured.MeasurementUnitsCodeSequence[0].CodeValue)


def test_the_report_is_about_the_film_and_says_what_it_is(report: Dataset) -> None:
    assert (report.SOPClassUID, report.Modality) == (COMPREHENSIVE_SR, "SR")
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert report.ConceptNameCodeSequence[0].CodeValue == "126000"
    assert (report.StudyInstanceUID, report.PatientName, report.PatientID) == ("1.2.3.4", PATIENT, "PID-4711")
    assert (report.CompletionFlag, report.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    assert report.SeriesInstanceUID != "1.2.3.4.1"
    (study,) = report.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    (film,) = series.ReferencedSOPSequence
    assert (series.SeriesInstanceUID, film.ReferencedSOPInstanceUID) == ("1.2.3.4.1", "1.2.3.4.5")
    assert "PatientComments" not in report
    (scheme,) = (item for item in report.CodingSchemeIdentificationSequence if "CEPHKIT" in item.CodingSchemeDesignator)
    assert scheme.CodingSchemeDesignator == "99CEPHKIT"
    said = [str(item.TextValue) for item in inside(groups(report)["A"], "111002")]
    assert "Research use only; not a medical device." in said
    assert "pixel 0.1 x 0.1 mm by PixelSpacing, calibrated, plane: head" in said


def test_every_landmark_is_a_coded_point_on_the_film(report: Dataset) -> None:
    points = face(8)
    del points["R"]
    found = groups(report)
    assert set(found) == {*points, "measurements"}
    for symbol, point in points.items():
        region = only(found[symbol], "111030", "SCOORD")
        assert region.GraphicType == "POINT"
        # PS3.3 C.18.6.1.2: from the corner of the first pixel, 32-bit floats.
        np.testing.assert_allclose(np.array(region.GraphicData) - 0.5, point, atol=2e-4)
        (image,) = region.ContentSequence
        assert (image.ValueType, image.RelationshipType) == ("IMAGE", "SELECTED FROM")
        assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3.4.5"
        finding = only(found[symbol], "121071", "CODE").ConceptCodeSequence[0]
        coded = (finding.CodeValue, finding.CodingSchemeDesignator)
        assert coded == (("264779", "FMA") if symbol == "N" else (symbol, "99CEPHKIT"))
        assert value(numbers(found[symbol])["expected_error"]) == (0.95, "mm")
    site = only(found["Me"], "363698007", "CODE").ConceptCodeSequence[0]
    assert (site.CodeValue, site.CodingSchemeDesignator) == ("91609006", "SCT")
    uids = {str(only(group, "112040", "UIDREF").UID) for group in found.values()}
    assert len(uids) == len(found)


def test_measurements_are_numbers_with_units_and_uncertainty(report: Dataset) -> None:
    found = numbers(groups(report)["measurements"])
    measured = measure(face(8), facing="right", spacing=0.1, analyses=ANALYSES)
    results = {result.measurement: result for result in measured}
    assert set(found) == {name for name, result in results.items() if result.value is not None}
    assert {"sna", "wits_bop", "facial_height_percent", "fhi"} <= set(found)
    units = {"deg": "deg", "mm": "mm", "%": "%", "ratio": "1"}
    for name, item in found.items():
        figure, unit = value(item)
        assert unit == units[results[name].unit], name
        assert figure == pytest.approx(results[name].value, abs=0.0051), name
        spread = [value(each) for code in ("371886008", "371885007") for each in inside(item, code, "NUM")]
        assert len(spread) == 2
        assert spread[0] == spread[1]
        assert spread[0][0] >= 0
        assert spread[0][1] == unit


def test_no_lengths_without_a_pixel_size(tmp_path: Path) -> None:
    made(tmp_path, spacing=None, points={symbol: face(8)[symbol] for symbol in ("S", "N", "A", "Go", "Me", "Po")})
    found = groups(run(tmp_path))
    assert {value(item)[1] for item in numbers(found["measurements"]).values()} == {"deg", "%", "1"}
    assert value(numbers(found["A"])["expected_error"]) == (9.5, "{pixels}")


def test_deidentified_leaves_patient_and_study_empty(tmp_path: Path) -> None:
    made(tmp_path)
    report = run(tmp_path, "--deidentified")
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "AccessionNumber"):
        assert not report.get(keyword), keyword
    assert (report.PatientIdentityRemoved, report.StudyInstanceUID) == ("YES", "1.2.3.4")
    written = (tmp_path / "out" / "f_sr.dcm").read_bytes()
    assert not any(text in written for text in (b"Doe", b"PID-4711", b"19700101", b"20260102"))


def test_names_in_any_script_stay(tmp_path: Path) -> None:
    made(tmp_path, {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Müller^Jürgen"})
    assert run(tmp_path).PatientName == "Müller^Jürgen"


def test_nothing_of_the_patient_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    made(tmp_path)
    with pydicom.config.disable_value_validation():
        write_dicom(
            tmp_path / "films" / "f.dcm",
            PatientID="Doe" * 30,
            PatientSex="Doe's sex",
            PatientBirthDate="Doe was born",
            StudyID="Doe's study" * 3,
        )
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        report = run(tmp_path)
    screen = capsys.readouterr()
    heard = [screen.out, screen.err, caplog.text, *(str(each.message) for each in said)]
    assert not any("Doe" in text for text in heard)
    with pydicom.config.disable_value_validation():
        assert report.PatientID == "Doe" * 30


def test_a_film_that_is_no_dicom_is_refused(tmp_path: Path) -> None:
    write_prediction(tmp_path / "in" / "f.json")
    write_picture(tmp_path / "films" / "f.png")
    with pytest.raises(SettingsError, match=r"f\.png: not a DICOM file, .* choose another --format"):
        run(tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("header", "error", "said"),
    [
        ({"Rows": 100}, SettingsError, "2977x100 pixels, .* says 2977x3203: another film"),
        ({"NumberOfFrames": "3"}, FilmError, "of 3 frames"),
        ({"SOPInstanceUID": ""}, FilmError, "without SOPInstanceUID"),
        ({"SOPClassUID": "1.2.3"}, FilmError, "its SOP class is not one of images"),
    ],
)
def test_a_film_that_does_not_fit_is_refused(
    tmp_path: Path, header: dict[str, Any], error: type[Exception], said: str
) -> None:
    made(tmp_path, header)
    with pytest.raises(error, match=said):
        run(tmp_path)
    assert not (tmp_path / "out").exists()


def test_another_file_of_that_name_is_refused(tmp_path: Path) -> None:
    data = write_dicom(tmp_path / "films" / "f.dcm").read_bytes()
    film = {"file": "f.dcm", "width": WIDTH, "height": HEIGHT, "content": content_hash(data)}
    write_prediction(tmp_path / "in" / "f.json", {"A": (1.0, 2.0)}, film=film)
    run(tmp_path)
    write_dicom(tmp_path / "films" / "f.dcm", SOPInstanceUID="1.2.3.4.6")
    with pytest.raises(SettingsError, match="is another film than that of"):
        run(tmp_path)


@pytest.mark.parametrize("length", [0, 100, 140, 200, 300])
def test_a_truncated_film_is_refused(tmp_path: Path, length: int) -> None:
    made(tmp_path)
    film = tmp_path / "films" / "f.dcm"
    film.write_bytes(film.read_bytes()[:length])
    with pytest.raises((SettingsError, FilmError), match=r"f\.dcm"):
        run(tmp_path)


def test_films_are_needed(tmp_path: Path) -> None:
    write_prediction(tmp_path / "in" / "f.json")
    with pytest.raises(SettingsError, match="needs --films FOLDER"):
        main([str(tmp_path / "in"), "--format", "dicom_sr"])


def test_every_code_fits_its_field() -> None:
    from cephkit.interchange.dicom_report import landmark_code, measurement_code
    from cephkit.landmarks.shipped import KNOWN

    codes = [*map(landmark_code, KNOWN), *(measurement_code(entry.id) for entry in MEASUREMENTS)]
    assert all(len(code.meaning) <= 64 for code in codes)
    assert len({(code.scheme_designator, code.value) for code in codes}) == len(codes)


def test_a_process_that_exports_says_nothing_of_a_header(tmp_path: Path) -> None:
    made(tmp_path, {"SpecificCharacterSet": "SENTINELSET", "PatientName": "Doe^Jane"})
    command = ["export", "in", "--films", "films", "--format", "dicom_sr", "--out", "out"]
    done = subprocess.run(
        [sys.executable, "-m", "cephkit", *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert not any(text in done.stdout + done.stderr for text in ("SENTINEL", "Doe", "Warning"))

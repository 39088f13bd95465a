"""Tables, sheets and files for other tools, of films as they stand."""

import csv
import io
import json
from pathlib import Path

import pytest

from cephkit.cephalometry.measured import TABLE_COLUMNS
from cephkit.cephalometry.sheet import PDF_ENDING, SHEET_ENDING
from cephkit.errors import CephkitError
from cephkit.interchange.formats import FORMATS
from cephkit.records.record import COLUMNS
from cephkit.review.outputs import export, landmarks_csv, measurements_csv, readable, sheet, with_points
from cephkit.review.parsing import EditError
from cephkit.review.session import ReviewSession
from tests.review.sessions import FACE, body, confirmed, face_edit, folder_session, write_films


@pytest.fixture
def session(tmp_path: Path) -> ReviewSession:
    """Two films with a face, the first one confirmed, and one without."""
    session = folder_session(write_films(tmp_path / "films"), tmp_path / "out")
    session.start()
    for n in (0, 1):
        session.edit(n, body(0, face_edit()))
    session.edit(0, body(1, confirmed()))
    return session


def rows(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.decode(), newline="")))


def test_tables_are_those_of_predict_and_measure(session: ReviewSession) -> None:
    table = rows(landmarks_csv(session, with_points(session)))
    assert tuple(table[0]) == COLUMNS
    assert [(row["film"], row["symbol"]) for row in table] == [
        (film, symbol) for film in ("f0", "f1") for symbol in session.schema.in_order(FACE)
    ]
    measured = rows(b"".join(measurements_csv(session, [0])))
    assert tuple(measured[0]) == TABLE_COLUMNS
    assert {row["film"] for row in measured} == {"f0"}
    assert any(row["measurement"] == "sna" and row["value"] for row in measured)


def test_a_sheet_is_of_the_film_as_it_stands(session: ReviewSession) -> None:
    page = sheet(session, 0, SHEET_ENDING).decode()
    assert "Tracing of f0" in page
    assert "not a medical device" in page
    assert sheet(session, 0, PDF_ENDING).startswith(b"%PDF-")


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "dicom_sr"])
@pytest.mark.parametrize(("which", "films"), [("confirmed", {"f0"}), ("all", {"f0", "f1"})])
def test_exports_hold_the_films_asked_for(
    session: ReviewSession, name: str, which: str, films: set[str]
) -> None:  # fmt: skip
    answer = export(session, {"format": name, "which": which})
    folder = session.out / "export" / name
    assert answer["folder"] == str(folder)
    written = [path for path in folder.iterdir() if not path.name.startswith(".")]
    assert answer["files"] == len(written)
    text = "".join(path.name + path.read_text(encoding="utf-8") for path in written)
    assert {film for film in ("f0", "f1", "f2") if f"{film}." in text} == films


def test_a_film_that_cannot_be_read_is_left_out_and_named(session: ReviewSession) -> None:
    session.close()
    (session.out / "journal" / "f1.jsonl").write_text("{}\n{}\n", encoding="utf-8")
    again = folder_session(session.films[0].path.parent, session.out)
    again.rows.update(1, points=3)
    again.start()
    again.wait_for_rows()
    again.rows.update(1, points=3)
    assert readable(again) == ([0], ["f1"])
    answer = export(again, {"format": "aariz", "which": "all"})
    assert (answer["files"], answer["left_out"]) == (1, ["f1"])


def test_an_export_leaves_nothing_of_the_last_one_but_what_others_put_there(session: ReviewSession) -> None:
    export(session, {"format": "aariz", "which": "all"})
    folder = session.out / "export" / "aariz"
    (folder / "mine.txt").write_text("keep")
    export(session, {"format": "aariz", "which": "confirmed"})
    assert {path.name for path in folder.iterdir()} == {".written.json", "f0.json", "mine.txt"}
    (folder / ".written.json").write_text('[""]')
    with pytest.raises(CephkitError, match="cannot be emptied"):
        export(session, {"format": "aariz", "which": "confirmed"})
    (folder / ".written.json").write_text("[")
    with pytest.raises(CephkitError, match="is damaged; remove it"):
        export(session, {"format": "aariz", "which": "confirmed"})


def test_a_format_that_does_not_fit_says_why(session: ReviewSession) -> None:
    with pytest.raises(CephkitError, match="not a DICOM file"):
        export(session, {"format": "dicom_sr", "which": "all"})
    assert not (session.out / "export" / "dicom_sr").exists()
    for content, said in (
        ({"format": "onnx"}, "format is 'onnx'"),
        ({"format": ["csv"]}, "format is"),
        ({"format": "csv", "which": "some"}, "which is 'some'"),
    ):
        with pytest.raises(EditError, match=said):
            export(session, content)


def test_with_nothing_confirmed_there_is_nothing_to_export(tmp_path: Path) -> None:
    session = folder_session(write_films(tmp_path / "films"), tmp_path / "out")
    session.start()
    with pytest.raises(EditError, match="no film is confirmed"):
        export(session, {"format": "csv"})


def test_the_names_written_are_listed(session: ReviewSession) -> None:
    export(session, {"format": "csv", "which": "all"})
    listed = json.loads((session.out / "export" / "csv" / ".written.json").read_text())
    assert listed == ["landmarks_long.csv", "landmarks_wide.csv"]

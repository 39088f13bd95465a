import csv
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cephkit.cephalometry import measuring
from cephkit.cephalometry.measured import TABLE_COLUMNS
from cephkit.commands.measure import main
from cephkit.data.labels import landmarks_json
from cephkit.data.opened import open_film, pixel_hash, to_uint8
from cephkit.data.spacing import Spacing, square
from cephkit.errors import DataError, SettingsError
from cephkit.geometry import CHI2_90
from cephkit.inference import model
from cephkit.inference.preprocess import PreprocessedFilm
from cephkit.records.record import LandmarkRecord
from tests.cephalometry.faces import ROUND, moved
from tests.records.test_reader import write

MIRROR = [[-1, 0], [0, 1]]


def run(out: Path, *arguments: object) -> int:
    return main([*map(str, arguments), "--out", str(out)])


def table(out: Path) -> list[dict[str, str]]:
    with (out / "measurements.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    assert tuple(reader.fieldnames or ()) == TABLE_COLUMNS
    return rows


def cell(out: Path, film: str, measurement: str, column: str = "value", analysis: str = "") -> str:
    return next(
        row[column]
        for row in table(out)
        if (row["film"], row["measurement"]) == (film, measurement) and analysis in row["analysis"]
    )


def test_a_row_per_film_and_measurement_and_a_file_per_film(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    file = write(tmp_path / "in" / "f.json", regions_90={symbol: [[90.0, 0.0], [0.0, 90.0]] for symbol in ROUND})
    assert run(out, file.parent, "--pixel_size_mm", 0.1, "--age", 30, "--sex", "female") == 0
    assert (cell(out, "f", "sna"), cell(out, "f", "wits_fop")) == ("90.0", "10.0")
    assert float(cell(out, "f", "co_gn", "standard_error")) == pytest.approx((2 * 90 / 4.60517) ** 0.5 / 10, abs=0.005)
    assert cell(out, "f", "sna", "notice") == "Research use only; not a medical device."
    content = json.loads((out / "f_measurements.json").read_text(encoding="utf-8"))
    assert (content["film"], content["facing"], content["facing_origin"]) == ("f", "right", "landmarks")
    assert (content["pixel_size_mm"], content["pixel_size_origin"]) == (0.1, "--pixel_size_mm")
    assert content["notice"] == "Research use only; not a medical device."
    assert len(content["measurements"]) == len(table(out))
    assert "facial axis (Ricketts, McNamara)" in content["not_possible"]
    screen = capsys.readouterr().out
    assert "ANB 5.71: class II, >99 % (ANB: 0 to 4 is class I)" in screen
    assert "Research use only; not a medical device." in screen


def test_no_lengths_without_a_pixel_size(tmp_path: Path) -> None:
    assert run(tmp_path / "out", write(tmp_path / "f.json")) == 0
    assert cell(tmp_path / "out", "f", "co_a") == ""
    assert cell(tmp_path / "out", "f", "co_a", "absent") == "unknown pixel size"
    assert cell(tmp_path / "out", "f", "facial_height_percent") == "53.76"


def test_one_analysis_only(tmp_path: Path) -> None:
    assert run(tmp_path / "out", write(tmp_path / "f.json"), "--analysis", "Tweed", "Kim") == 0
    assert [row["name"] for row in table(tmp_path / "out")] == ["FMA", "IMPA", "FMIA", "APDI", "ODI"]


def test_a_face_that_looks_left_measures_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "left.json"
    path.write_text(json.dumps(landmarks_json("left", moved(ROUND, MIRROR, (1500.0, 0.0)))), encoding="utf-8")
    said = write(tmp_path / "said.json", facing="left")
    assert run(tmp_path / "out", path, said, "--pixel_size_mm", 0.1) == 1
    assert cell(tmp_path / "out", "left", "wits_fop") == "10.0"
    assert cell(tmp_path / "out", "left", "sna", "facing") == "left"
    assert cell(tmp_path / "out", "said", "anb") == ""
    assert "or the facing direction must be wrong" in cell(tmp_path / "out", "said", "anb", "absent")
    assert "the file says that the face looks left, the landmarks say right" in cell(
        tmp_path / "out", "said", "sna", "doubt"
    )
    assert "faces left" in capsys.readouterr().out
    assert run(tmp_path / "out", said, "--pixel_size_mm", 0.1, "--facing", "right") == 0
    assert cell(tmp_path / "out", "said", "anb") == "5.71"


def test_a_table_about_the_films_counts_before_the_flags(tmp_path: Path) -> None:
    files = [write(tmp_path / "in" / f"{name}.json") for name in "ab"]
    about = tmp_path / "about.csv"
    about.write_text("film,pixel_size_mm,age,sex\na,0.12,9,male\n", encoding="utf-8")
    out = tmp_path / "out"
    assert run(out, *files, "--about", about, "--pixel_size_mm", 0.1, "--sex", "female") == 0
    assert (cell(out, "a", "s_n"), cell(out, "b", "s_n")) == ("84.0", "70.0")
    assert (cell(out, "a", "sna", "sex"), cell(out, "b", "sna", "sex")) == ("male", "female")
    assert cell(out, "a", "fma", "norm_mean", "Ricketts") == "26.0"
    assert cell(out, "b", "fma", "norm_withheld", "Ricketts") == "the norm depends on age, which is unknown"
    content = json.loads((out / "a_measurements.json").read_text(encoding="utf-8"))
    assert content["pixel_size_origin"] == "about.csv"


def test_a_pixel_size_that_makes_no_head_is_doubted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, file = tmp_path / "out", write(tmp_path / "f.json")
    assert run(out, file, "--pixel_size_mm", 0.14) == 0
    assert "S-N would measure 98 mm" in capsys.readouterr().out
    assert "pixel size is doubtful" in cell(out, "f", "s_n", "doubt")
    assert cell(out, "f", "s_n") == "98.0"
    assert run(out, file, "--pixel_size_mm", 0.2, "--expected_error_mm", 1.2) == 0
    assert "S-N would be 140 mm, outside the human range of 38 to 105" in capsys.readouterr().out
    assert (cell(out, "f", "co_a"), cell(out, "f", "sna")) == ("", "90.0")
    assert cell(out, "f", "sna", "standard_error") == ""  # an error in mm is none by a pixel size that is wrong


def test_an_expected_error_stands_in_where_the_file_says_none(tmp_path: Path) -> None:
    file = write(tmp_path / "f.json", expected_errors_px={"S": 0.0, "N": 0.0})
    assert run(tmp_path / "out", file, "--pixel_size_mm", 0.1, "--expected_error_mm", 1.2) == 0
    assert cell(tmp_path / "out", "f", "s_n", "standard_error") == "0.0"
    assert float(cell(tmp_path / "out", "f", "co_a", "standard_error")) == pytest.approx(1.2 * 1.12838, abs=0.006)


def test_films_of_one_name_have_names_of_their_own(tmp_path: Path) -> None:
    assert run(tmp_path / "out", write(tmp_path / "a" / "f.json"), write(tmp_path / "b" / "f.json")) == 0
    assert {row["film"] for row in table(tmp_path / "out")} == {"f", "f-2"}
    assert (tmp_path / "out" / "f-2_measurements.json").is_file()


def test_a_broken_file_is_reported_and_the_others_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    assert run(tmp_path / "out", broken, write(tmp_path / "f.json")) == 1
    assert "FAILED" in capsys.readouterr().out
    assert {row["film"] for row in table(tmp_path / "out")} == {"f"}


def test_a_film_without_landmarks_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.write_text(json.dumps(landmarks_json("empty", {})), encoding="utf-8")
    assert run(tmp_path / "out", path) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no landmarks"),
        (("f.json", "--pixel_size_mm", "0"), "--pixel_size_mm must be 0.005 to 2 mm"),
        (("f.json", "--age", "-1"), "--age must be"),
        (("f.json", "--enlargement_percent", "nan"), "--enlargement_percent must be"),
        (("none.json",), "there is no such file"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        run(tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()


def test_a_table_that_cannot_be_used_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        run(tmp_path / "out", write(tmp_path / "f.json"), "--about", tmp_path / "none.csv")
    assert not (tmp_path / "out").exists()


def test_a_film_is_measured_by_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "films" / "f.png"
    film.parent.mkdir()
    Image.fromarray(np.zeros((2000, 2000), np.uint8)).save(film)
    (film.parent / "broken.png").write_bytes(b"")
    asked: list[object] = []

    class Known:
        """A model that finds the same face on every film."""

        facts = {"mode": "plain"}  # noqa: RUF012
        predictor = SimpleNamespace(loaded=(), rests_on="12 films of valid")

        def preprocess(self, path: Path, spacing: Spacing | None = None, data: bytes | None = None) -> PreprocessedFilm:
            asked.append((path.name, spacing))
            film = open_film(path)
            grey, spacing = to_uint8(film.grey), spacing or Spacing(0.12, 0.12, "DICOM", "detector")
            return PreprocessedFilm(path.name, film, grey, spacing, grey.shape, {}, "hash")

        def predict_preprocessed(self, films: Sequence[PreprocessedFilm]) -> list[LandmarkRecord]:
            regions = dict.fromkeys(ROUND, np.eye(2) * CHI2_90)
            return [
                LandmarkRecord(
                    ROUND, regions=regions, facing="right", spacing=film.spacing, film_id="f", file=film.file,
                    film_hash="hash", size=film.square_size,
                    model={"model": "hrnet", "checkpoint": "c.pth", "mode": "plain"},
                )
                for film in films
            ]  # fmt: skip

    monkeypatch.setattr(model, "load_model", lambda paths, **options: Known())
    out = tmp_path / "out"
    with pytest.raises(SettingsError, match="a film needs --checkpoint"):
        run(out, film)
    assert run(out, film.parent, "--checkpoint", "c.pth") == 1
    assert "broken.png: the file is empty" in capsys.readouterr().out
    assert (cell(out, "f", "sna"), cell(out, "f", "co_gn", "pixel_size_origin")) == ("90.0", "DICOM")
    # Two points with an error of 1 pixel, 0.12 mm, along each axis.
    assert float(cell(out, "f", "co_gn", "standard_error")) == pytest.approx(0.12 * 2**0.5, abs=0.005)
    content = json.loads((out / "f_measurements.json").read_text(encoding="utf-8"))
    assert (content["film_hash"], content["landmarks_by"]) == ("hash", "hrnet, c.pth, plain")
    assert content["pixel_size_plane"] == "detector"
    assert "data:image" in (out / "f_sheet.html").read_text(encoding="utf-8")
    assert run(out, "--checkpoint", "c.pth", film, "--pixel_size_mm", 0.1) == 0
    assert asked[-1] == ("f.png", square(0.1, "--pixel_size_mm"))
    assert cell(out, "f", "s_n") == "70.0"


def test_the_pixel_size_of_a_prediction_counts_where_nothing_else_is_said(tmp_path: Path) -> None:
    said = {"row_mm": 0.1, "column_mm": 0.1, "origin": "ruler", "plane": "film"}
    file, out = write(tmp_path / "f.json", spacing=said), tmp_path / "out"
    assert run(out, file) == 0
    assert (cell(out, "f", "s_n"), cell(out, "f", "s_n", "pixel_size_plane")) == ("70.0", "film")
    assert run(out, file, "--ruler", 0, 0, 0, 100, 12) == 0
    assert (cell(out, "f", "s_n"), cell(out, "f", "s_n", "pixel_size_origin")) == ("84.0", "'--ruler")
    assert run(out, write(tmp_path / "f.json", spacing={**said, "row_mm": 0.0})) == 1
    assert run(out, write(tmp_path / "f.json", spacing={**said, "plane": "moon"})) == 1


def test_pixels_that_are_not_square_measure_the_same_face(tmp_path: Path) -> None:
    squeezed = {symbol: (x / 2, y) for symbol, (x, y) in ROUND.items()}
    path = tmp_path / "f.json"
    spacing = {"row_mm": 0.1, "column_mm": 0.2, "origin": "DICOM", "plane": "head"}
    path.write_text(json.dumps({**landmarks_json("f", squeezed), "spacing": spacing}), encoding="utf-8")
    assert run(tmp_path / "out", path) == 0
    assert (cell(tmp_path / "out", "f", "sna"), cell(tmp_path / "out", "f", "wits_fop")) == ("90.0", "10.0")


def test_a_library_missing_for_pdf_is_told_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cephkit.pdf.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="pip install typst"):
        run(tmp_path / "out", write(tmp_path / "f.json"), "--pdf")
    assert not (tmp_path / "out").exists()
    assert run(tmp_path / "out", tmp_path / "f.json") == 0


def test_a_sheet_has_the_film_where_the_folder_of_films_has_it(tmp_path: Path) -> None:
    grey = np.zeros((1500, 1500), np.uint8)
    films, out = tmp_path / "films", tmp_path / "out"
    films.mkdir()
    Image.fromarray(grey).save(films / "picture.png")
    said = {"file": "picture.png", "hash": pixel_hash(grey)}
    labels = write(tmp_path / "labels" / "f.json", film=said)

    def sheet() -> str:
        return (out / "f_sheet.html").read_text(encoding="utf-8")

    assert run(out, labels) == 0
    assert "data:image" not in sheet()
    assert run(out, labels, "--films", films) == 0
    assert "data:image" in sheet()
    assert run(out, labels, "--films", films, "--no_sheet", "--pdf") == 0
    assert "data:image" in sheet()
    assert b"/DCTDecode" in (out / "f_sheet.pdf").read_bytes()
    assert run(out, write(labels, film={**said, "hash": "another"}), "--films", films) == 1
    assert run(out, write(labels, film={"file": "none.png"}), "--films", films) == 1
    (out / "f_sheet.html").unlink()
    assert run(out, labels, "--no_sheet") == 0
    assert not (out / "f_sheet.html").exists()
    with pytest.raises(SettingsError, match="no such folder"):
        run(out, labels, "--films", tmp_path / "none")


def test_age_and_pixel_size_are_those_of_the_film_not_of_its_results_name(tmp_path: Path) -> None:
    about, out = tmp_path / "about.csv", tmp_path / "out"
    about.write_text("film,pixel_size_mm\na.png,0.1\na-2,0.2\n", encoding="utf-8")
    assert run(out, write(tmp_path / "a-2.json", film={"file": "a.png"}), "--about", about) == 0
    assert cell(out, "a-2", "s_n") == "70.0"


def test_films_and_rows_of_a_table_that_do_not_meet_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = tmp_path / "about.csv"
    about.write_text("film;pixel_size_mm\nF1.png;0,1\nother;0,2\n", encoding="utf-8")
    files = [write(tmp_path / f"f{number}.json", film={"file": f"f{number}.png"}) for number in (1, 2)]
    assert run(tmp_path / "out", *files, "--about", about) == 0
    screen = capsys.readouterr().out
    assert "1 film(s) have no row in --about: f2.png" in screen
    assert "1 row(s) of --about name no film here: other" in screen
    assert cell(tmp_path / "out", "f1", "s_n") == "70.0"


def test_a_model_without_films_is_refused_and_films_left_out_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = write(tmp_path / "both" / "f.json")
    with pytest.raises(SettingsError, match="--checkpoint finds landmarks on films"):
        run(tmp_path / "out", labels, "--checkpoint", "c.pth")
    (tmp_path / "both" / "g.png").write_bytes(b"")
    with pytest.raises(SettingsError, match="--checkpoint finds landmarks on films"):
        run(tmp_path / "out", labels.parent, "--checkpoint", "c.pth")
    assert "its 1 film(s) are not" in capsys.readouterr().out


def test_stopped_in_the_middle_the_table_has_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "abc":
        write(tmp_path / "in" / f"{name}.json")
    read = measuring.read_record

    def stops_at_the_third(path: Path) -> LandmarkRecord:
        if path.stem == "c":
            raise KeyboardInterrupt
        return read(path)

    monkeypatch.setattr(measuring, "read_record", stops_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "out", tmp_path / "in")
    assert {row["film"] for row in table(tmp_path / "out")} == {"a", "b"}
    screen = capsys.readouterr().out
    assert "2 film(s) without a pixel size: no lengths; use --pixel_size_mm" in screen
    assert "stopped" in screen
    assert "unknown probability" in screen


def test_a_film_measured_in_the_head_is_not_corrected_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = {"row_mm": 0.1, "column_mm": 0.1, "origin": "DICOM", "plane": "head"}
    file, out = write(tmp_path / "f.json", spacing=said), tmp_path / "out"
    woman = ("--age", 30, "--sex", "female", "--no_sheet")
    assert run(out, file, *woman) == 0
    content = json.loads((out / "f_measurements.json").read_text(encoding="utf-8"))
    assert content["enlargement_percent"] == 0
    # 91 mm of films enlarged by 8 %.
    assert float(cell(out, "f", "co_a", "norm_mean")) == pytest.approx(91 / 1.08, abs=0.006)
    assert run(out, file, *woman, "--enlargement_percent", 0) == 0
    assert run(out, file, *woman, "--enlargement_percent", 10) == 1
    assert "would be corrected twice" in capsys.readouterr().out
    assert run(out, file, *woman, "--enlargement_percent", 10, "--pixel_size_mm", 0.11) == 0


def test_texts_of_the_table_are_not_run(tmp_path: Path) -> None:
    said = {"row_mm": 0.1, "column_mm": 0.1, "origin": "=HYPERLINK(1)", "plane": "film"}
    file = write(tmp_path / "f.json", spacing=said, notes=["+1+1"])
    assert run(tmp_path / "out", file, "--no_sheet") == 0
    rows = table(tmp_path / "out")
    assert {(row["pixel_size_origin"], row["doubt"]) for row in rows} == {("'=HYPERLINK(1)", "'+1+1")}
    for row in rows:
        for text in row.values():
            assert text[:1] not in ("=", "+", "@", "-") or float(text) < 0

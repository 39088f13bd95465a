"""A second run adds to what is there, and loses nothing of it."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from cephkit.cephalometry import measuring
from cephkit.cephalometry.folder import MeasuredFolder, Origin
from cephkit.commands.measure import main
from cephkit.data.labels import landmarks_json
from cephkit.errors import SettingsError
from cephkit.records.record import LandmarkRecord
from tests.cephalometry.faces import ROUND
from tests.records.test_reader import write


def run(out: Path, *arguments: object, sheet: bool = False) -> int:
    """The command; sheets take most of its time."""
    flags = ["--pixel_size_mm", "0.1", "--out", str(out), *([] if sheet else ["--no_sheet"])]
    return main([*map(str, arguments), *flags])


def films(out: Path) -> dict[str, str]:
    """Film -> its ANB in the table."""
    with (out / "measurements.csv").open(encoding="utf-8", newline="") as file:
        return {row["film"]: row["value"] for row in csv.DictReader(file) if row["measurement"] == "anb"}


def stamps(out: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.name != "measurements.csv"}


def corrected(path: Path, **more: Any) -> Path:
    """The file with other landmarks."""
    points = {**ROUND, "A": (ROUND["A"][0] + 20, ROUND["A"][1])}
    path.write_text(json.dumps({**landmarks_json(path.stem, points), **more}), encoding="utf-8")
    return path


def test_a_second_run_adds_to_the_table_of_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(out, write(tmp_path / "a.json"), write(tmp_path / "b.json")) == 0
    assert run(out, write(tmp_path / "c.json"), "--analysis", "Steiner") == 0
    assert set(films(out)) == {"a", "b", "c"}
    assert "3 film(s), of which 2 of earlier runs" in capsys.readouterr().out


def test_the_same_command_again_measures_nothing_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    for name in "ab":
        write(tmp_path / "in" / f"{name}.json")
    assert run(out, tmp_path / "in", sheet=True) == 0
    before, table = stamps(out), (out / "measurements.csv").read_bytes()
    assert run(out, tmp_path / "in", sheet=True) == 0
    assert stamps(out) == before
    assert (out / "measurements.csv").read_bytes() == table
    assert "2 film(s) were already measured with these settings" in capsys.readouterr().out
    (out / "a_sheet.html").unlink()
    assert run(out, tmp_path / "in", sheet=True) == 0
    assert (out / "a_sheet.html").is_file()
    assert stamps(out)["b_measurements.json"] == before["b_measurements.json"]
    assert run(out, tmp_path / "in", "--no_resume", sheet=True) == 0
    assert stamps(out)["b_measurements.json"] != before["b_measurements.json"]


def test_a_folder_measured_without_pdf_gets_it_by_the_same_command_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, file = tmp_path / "out", write(tmp_path / "f.json")
    assert run(out, file, sheet=True) == 0
    assert not (out / "f_sheet.pdf").exists()
    assert run(out, file, "--pdf", sheet=True) == 0
    assert {path.name for path in out.glob("f_sheet.*")} == {"f_sheet.html", "f_sheet.pdf"}
    before = stamps(out)
    assert run(out, file, "--pdf", sheet=True) == 0
    assert stamps(out) == before
    assert "1 film(s) were already measured" in capsys.readouterr().out


def test_a_pdf_alone_is_written_on_demand_and_leaves_the_other_page_of_this_run(tmp_path: Path) -> None:
    out, file = tmp_path / "out", write(tmp_path / "f.json")
    assert run(out, file, "--pdf") == 0
    assert {path.name for path in out.glob("f_sheet.*")} == {"f_sheet.pdf"}
    (out / "f_sheet.pdf").unlink()
    assert run(out, file, sheet=True) == 0
    assert run(out, file, "--pdf") == 0
    assert {path.name for path in out.glob("f_sheet.*")} == {"f_sheet.html", "f_sheet.pdf"}


def test_pages_of_other_settings_are_removed(tmp_path: Path) -> None:
    out, file = tmp_path / "out", write(tmp_path / "f.json")
    assert run(out, file, "--pdf", sheet=True) == 0
    assert run(out, file, "--age", 30) == 0
    assert not list(out.glob("f_sheet.*"))


def test_a_page_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    theirs = tmp_path / "out" / "f_sheet.pdf"
    theirs.write_bytes(b"theirs")
    assert run(tmp_path / "out", write(tmp_path / "f.json"), "--pdf") == 0
    assert theirs.read_bytes() == b"theirs"
    assert (tmp_path / "out" / "f-2_sheet.pdf").is_file()


@pytest.mark.parametrize(
    "change",
    [("--age", 30), ("--sex", "male"), ("--analysis", "Wits"), ("--facing", "right"), ("--expected_error_mm", 1.2),
     ("--enlargement_percent", 8)],
)  # fmt: skip
def test_other_settings_replace_a_films_result_and_say_so(
    tmp_path: Path, change: tuple[object, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    out, file = tmp_path / "out", write(tmp_path / "f.json")
    assert run(out, file) == 0
    assert "replaced" not in capsys.readouterr().out
    assert run(out, file, *change) == 0
    assert "its earlier result is replaced" in capsys.readouterr().out
    assert len(list(out.glob("*_measurements.json"))) == 1


def test_corrected_landmarks_replace_their_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, file = tmp_path / "out", write(tmp_path / "f.json")
    assert run(out, file) == 0
    assert run(out, corrected(file)) == 0
    assert films(out) == {"f": "8.0"}
    assert "its earlier result is replaced" in capsys.readouterr().out


def test_no_page_stands_beside_figures_that_it_does_not_show(tmp_path: Path) -> None:
    out, file = tmp_path / "out", write(tmp_path / "f.json")
    assert run(out, file, sheet=True) == 0
    assert "5.7" in (out / "f_sheet.html").read_text(encoding="utf-8")
    assert run(out, corrected(file)) == 0
    assert not (out / "f_sheet.html").exists()
    assert run(out, file, sheet=True) == 0
    assert "8.0" in (out / "f_sheet.html").read_text(encoding="utf-8")


def test_another_film_of_that_name_gets_a_name_of_its_own(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(out, write(tmp_path / "one" / "f.json")) == 0
    (tmp_path / "two").mkdir()
    assert run(out, corrected(tmp_path / "two" / "f.json")) == 0
    assert films(out) == {"f": "5.71", "f-2": "8.0"}
    assert run(out, tmp_path / "two" / "f.json") == 0
    assert films(out) == {"f": "5.71", "f-2": "8.0"}
    # One path, and another film in its place: the film's hash tells.
    assert run(out, write(tmp_path / "scan.json", film={"file": "scan.png", "hash": "1"})) == 0
    assert run(out, corrected(tmp_path / "scan.json", film={"file": "scan.png", "hash": "2"})) == 0
    assert set(films(out)) == {"f", "f-2", "scan", "scan-2"}


def test_a_run_that_was_stopped_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    for name in "abc":
        write(tmp_path / "in" / f"{name}.json")
    read, seen = measuring.read_record, []

    def stops_at_b(path: Path) -> LandmarkRecord:
        seen.append(path.stem)
        if path.stem == "b" and len(seen) == 2:
            raise KeyboardInterrupt
        return read(path)

    monkeypatch.setattr(measuring, "read_record", stops_at_b)
    with pytest.raises(KeyboardInterrupt):
        run(out, tmp_path / "in")
    before = stamps(out)
    assert "re-run to resume" in capsys.readouterr().out
    assert set(films(out)) == {"a"}
    assert run(out, tmp_path / "in") == 0
    assert set(films(out)) == {"a", "b", "c"}
    assert stamps(out)["a_measurements.json"] == before["a_measurements.json"]


def test_a_film_without_values_stays_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.write_text(json.dumps(landmarks_json("empty", {})), encoding="utf-8")
    assert run(tmp_path / "out", path) == 1
    assert run(tmp_path / "out", path) == 1


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "1" * 5000, "[" * 100_000, '{"measurements": 5}', '{"measurements": [5], "notes": []}',
        '{"measurements": [], "notes": 5}', '{"measurements": [], "notes": [5]}', '{"measurements": [], "notes": []}',
        '{"measurements": [{"value": 1, "class_probabilities": {"a": "b", "c": "d"}}], "notes": []}',
        '{"measurements": [{"value": 1, "class_probabilities": {"a": NaN}}], "notes": []}',
        '{"measurements": [{"value": 1, "class_probabilities": [1]}], "notes": [], "pixel_size_mm": null}',
    ],
)  # fmt: skip
def test_what_is_no_result_of_ours_stays_and_costs_nothing(tmp_path: Path, content: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "f_measurements.json").write_text(content, encoding="utf-8")
    assert run(out, write(tmp_path / "f.json")) == 0
    assert (out / "f_measurements.json").read_text(encoding="utf-8") == content
    assert set(films(out)) == {"f-2"}


def test_results_of_an_earlier_version_are_taken_into_the_table_and_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(out, write(tmp_path / "f.json"), write(tmp_path / "g.json")) == 0
    for path in out.glob("*_measurements.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        old = {key: value for key, value in content.items() if key not in ("content", "source", "run")}
        old["measurements"] = [
            {key: value for key, value in result.items() if not key.startswith(("class_", "norm_n"))}
            for result in content["measurements"]
        ]
        path.write_text(json.dumps(old), encoding="utf-8")
    (out / "measurements.csv").write_text("film,file,analysis,measurement,name,notice\n", encoding="utf-8")
    assert run(out, tmp_path / "f.json") == 0
    assert set(films(out)) == {"f", "g"}


def test_a_table_of_somebody_else_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "measurements.csv").write_text("patient,anb\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="is not a table of cephkit measure; choose another --out"):
        run(out, write(tmp_path / "f.json"))
    assert (out / "measurements.csv").read_text(encoding="utf-8") == "patient,anb\n"


def test_names_do_not_differ_by_case_alone(tmp_path: Path) -> None:
    folder = MeasuredFolder(tmp_path, "run")
    names = [folder.name_for(stem, Origin(f"{stem}.png", content)) for stem, content in (("F", "1"), ("f", "2"))]
    assert names == ["F", "f-2"]


def test_a_folder_is_not_told_by_its_name(tmp_path: Path) -> None:
    file = write(tmp_path / "Miller, Anna 1990" / "f.json")
    assert run(tmp_path / "out", file) == 0
    assert "Miller" not in (tmp_path / "out" / "f_measurements.json").read_text(encoding="utf-8")

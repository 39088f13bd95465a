import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import cephkit
from cephkit.errors import CephkitError, SettingsError
from cephkit.evaluation.distort import DISTORTIONS
from cephkit.files import cell, columns_of, csv_bytes, csv_line, short_name, write_csv, write_json, write_whole


def test_a_file_is_replaced_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]


def test_what_cannot_be_written_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(CephkitError, match="choose another --out"):
        write_whole(tmp_path / "folder", b"")
    (tmp_path / "file").write_bytes(b"kept")
    with pytest.raises(CephkitError, match="choose another --out"):
        write_whole(tmp_path / "file" / "a.txt", b"")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder"]


def test_json_has_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert not (tmp_path / "a.json").exists()


def test_a_name_too_long_is_cut_and_told_apart() -> None:
    assert short_name("film") == "film"
    one, other = short_name("\u5200" * 100 + "a"), short_name("\u5200" * 100 + "b")
    assert one != other
    assert max(len(name.encode()) for name in (one, other)) <= 150
    # One hash whatever the case and Unicode form; the rest of the name stays as it is written.
    assert short_name("e\u0301" * 100) == short_name("\u00e9" * 100)
    assert short_name("X" * 200).lower() == short_name("x" * 200)


def test_none_is_an_empty_cell_and_names_may_have_commas(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ("film", "x"), [{"film": "a,b", "x": None}, {"film": "ü", "x": 0.5}])
    assert (tmp_path / "a.csv").read_bytes() == 'film,x\n"a,b",\nü,0.5\n'.encode()


def test_a_screen_that_was_closed_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, str]]:
        raise BrokenPipeError
        yield {}

    with pytest.raises(BrokenPipeError):
        write_csv(tmp_path / "t.csv", ("a",), rows())
    assert list(tmp_path.iterdir()) == []


HOSTILE = (
    *("=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", "\ufeff=1", "\uff1d1+1", "\uff0d1+1", "\x00=1"),
    *("'=1", "''", "-", "+", "-1e", "-1-1", "--1", "-inf", "+nan", "-\u0661", "-0x1", "-1\n"),
)


@pytest.mark.parametrize("column", ["film", "machine", "pixel_size_origin", "note", "a column of tomorrow"])
@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_any_column_begins_as_a_formula_and_all_come_back(tmp_path: Path, column: str, text: str) -> None:
    write_csv(tmp_path / "t.csv", (column,), [{column: text}])
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        _, (found,) = csv.reader(file)
    assert found == f"'{text}"


@pytest.mark.parametrize("number", [-4.5, -4, "-4.50", "+4", "-.5", "-1e-05", "-5."])
def test_numbers_stay_numbers(tmp_path: Path, number: object) -> None:
    write_csv(tmp_path / "t.csv", ("machine",), [{"machine": number}])
    assert (tmp_path / "t.csv").read_text(encoding="utf-8") == f"machine\n{number}\n"


def test_texts_that_no_spreadsheet_runs_stay_as_they_are() -> None:
    for text in ("ART Plus", "N`", "a=b", "1-2", "\u0641\u06cc\u0644\u0645", "", None):
        assert cell(text) == text


def test_a_column_that_the_table_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="'y'"):
        csv_line(("x",), {"x": 1, "y": 2})


def test_a_line_ends_in_one_lf_whatever_its_names_contain() -> None:
    assert csv_bytes(("film", "x"), [{"film": "a\rb", "x": 1}, {"film": "c\nd"}]) == b'film,x\n"a\rb",1\n"c\nd",\n'


def test_the_columns_of_a_table_are_its_header(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    assert columns_of(path) is None
    write_csv(path, ("film", "a,b"), [])
    assert columns_of(path) == ("film", "a,b")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="cannot be read"):
        columns_of(path)


def test_our_own_labels_need_no_apostrophe() -> None:
    for label in (label for distortion in DISTORTIONS for label in (distortion.name, distortion.strength)):
        assert cell(label) == label


def test_nothing_else_writes_csv() -> None:
    sources = Path(cephkit.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if re.search(r"csv\.(Dict)?[Ww]riter", path.read_text("utf-8"))] == [
        "files.py"
    ]

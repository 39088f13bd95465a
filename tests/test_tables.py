import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import cephkit
from cephkit.errors import SettingsError
from cephkit.evaluation.distort import DISTORTIONS
from cephkit.tables import cell, columns_of, csv_bytes, csv_line, write_csv


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
        "tables.py"
    ]

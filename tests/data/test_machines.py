from pathlib import Path

import pytest

from cephkit.data.machines import ORIGIN, read_machine_map
from cephkit.data.spacing import Spacing, square
from cephkit.errors import DataError

HEAD = "cephalogram_id,machine,pixel_size,image_format,mode\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "map.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_byte_order_mark_spaces_extra_and_shuffled_columns(tmp_path: Path) -> None:
    text = "\ufeffmode , Pixel_Size,extra, cephalogram_id,machine\r\n Train , 0.144 ,x,  a1 , Veraviewepocs 2D\r\n\r\n"
    row = read_machine_map(write(tmp_path, text))["a1"]
    assert (row.machine, row.spacing, row.mode, row.fault) == ("Veraviewepocs 2D", square(0.144, ORIGIN), "Train", None)


@pytest.mark.parametrize("written", ["0", "-0.1", "nan", "inf", "unknown", "100", "1e-9"])
def test_an_impossible_pixel_size_is_unknown_and_said(tmp_path: Path, written: str) -> None:
    row = read_machine_map(write(tmp_path, f"{HEAD}a1,ART Plus,{written},png,Train\n"))["a1"]
    assert row.spacing is None
    assert row.fault is not None
    assert written in row.fault
    assert row.machine == "ART Plus"


def test_an_empty_pixel_size_or_a_short_row_is_unknown(tmp_path: Path) -> None:
    rows = read_machine_map(write(tmp_path, f"{HEAD}a1,ART Plus,,png,Train\na2\n"))
    assert rows["a1"].spacing is None
    assert rows["a1"].fault is None
    assert rows["a2"].machine is None


def test_two_sizes_for_one_film_are_none(tmp_path: Path) -> None:
    rows = read_machine_map(write(tmp_path, f"{HEAD}a1,M,0.1,png,Train\na1,M,0.2,png,Train\na2,M,0.1\na2,M,0.1\n"))
    assert rows["a1"].spacing is None
    assert rows["a1"].fault == "two rows with different pixel sizes"
    assert rows["a2"].spacing == square(0.1, ORIGIN)


def test_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    rows = read_machine_map(write(tmp_path, HEAD.replace(",", ";") + "A1;M;0,144;png;Train\n"))
    assert (rows["a1"].spacing, rows["a1"].film) == (square(0.144, ORIGIN), "A1")
    row = read_machine_map(write(tmp_path, f"{HEAD}a1,M,0,144,png,Train\n"))["a1"]
    assert row.spacing is None
    assert "6 cells for 5 columns: decimal commas" in (row.fault or "")


@pytest.mark.parametrize("text", ["", "id;size\n", "\n\n"])
def test_another_table_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"map\.csv: no column cephalogram_id"):
        read_machine_map(write(tmp_path, text))


def test_pixels_that_are_not_square_have_two_sides(tmp_path: Path) -> None:
    head = "cephalogram_id,machine,pixel_size,row_mm,column_mm\n"
    good = "a,M,,0.2,0.1\nb,M,,0.1,0.1\nc,M,0.1,,\na2,M,,0.1,0.2\n"
    bad = "d,M,,0.1,\ne,M,0.1,0.1,0.2\nf,M,,0.1,9\ng,M,,x,0.1\n"
    rows = read_machine_map(write(tmp_path, head + good + bad))
    assert rows["a"].spacing == Spacing(0.2, 0.1, ORIGIN)
    assert rows["a2"].spacing == Spacing(0.1, 0.2, ORIGIN)
    assert [rows[name].spacing for name in "bc"] == [square(0.1, ORIGIN)] * 2
    assert [rows[name].spacing for name in "defg"] == [None] * 4
    assert [rows[name].fault for name in "def"] == [
        *["row_mm and column_mm go together, and without pixel_size"] * 2,
        "row_mm and column_mm are '0.1' and '9', not the sides of a pixel",
    ]
    twice = read_machine_map(write(tmp_path, f"{head}a,M,,0.2,0.1\na,M,,0.1,0.2\n"))
    assert twice["a"].fault == "two rows with different pixel sizes"

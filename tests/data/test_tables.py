from pathlib import Path

import pytest

from cephkit.data.names import film_key
from cephkit.data.tables import number, read_table, surplus
from cephkit.errors import DataError

TEXT = "Film,age\r\nMüller , 12\r\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.replace(",", ";").encode(),
        TEXT.replace(",", "\t").encode("utf-16"),
        b"sep=;\r\n" + TEXT.replace(",", ";").encode(),
        TEXT.replace("\r\n", "\r").encode(),
    ],
)
def test_a_table_as_spreadsheets_save_it(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    assert read_table(path, ("film",)) == (["film", "age"], [["Müller", "12"]])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04...", "is an Excel or LibreOffice workbook, expected CSV"),
        (b"\xd0\xcf\x11\xe0", "is an old Excel workbook"),
        (TEXT.encode("cp1252"), "byte 11 is neither UTF-8 nor marked as UTF-16; save it as CSV UTF-8"),
        (b"name|age\n", "no column film, found name|age"),
        (b"a;b\n1;2\n", "no column film, found a, b"),
        (b"", "no column film, found nothing"),
    ],
)
def test_what_is_no_such_table_is_named(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_table(path, ("film",))
    assert message in str(caught.value)


def test_numbers_with_points_and_commas() -> None:
    assert [number(written) for written in ("0.1", "0,1", "-12,5", ",5", "3")] == [0.1, 0.1, -12.5, 0.5, 3.0]
    for written in ("1,2,3", "1.000,5", "x", ""):
        with pytest.raises(ValueError, match="could not convert"):
            number(written)


def test_surplus_cells() -> None:
    assert surplus(["film", "age"], ["a", "1", "", ""]) == ""
    assert "3 cells for 2 columns" in surplus(["film", "age"], ["a", "0", "1"])


def test_keys_of_names() -> None:
    assert film_key("E\u0301.PNG") == film_key("\u00e9.png") != film_key("e.png")
    assert film_key("\udcff") == "\udcff"

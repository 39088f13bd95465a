from pathlib import Path

import pytest

from cephkit.doubts.reader import MOST_DOUBTS, Doubt, read_doubts
from cephkit.doubts.table import COLUMNS
from cephkit.errors import SettingsError
from cephkit.files import write_csv

ROW = {
    "finding": 1, "data_set": "set", "split": "train", "film": "a", "file": "train/a.png", "annotator": "senior",
    "landmarks": "A B", "kind": "swapped", "certain": "no", "text": "A and B appear to be swapped",
    "remedy": "swap them", "expected": "", "others": "",
}  # fmt: skip


def written(path: Path, *rows: dict[str, object]) -> Path:
    write_csv(path, COLUMNS, rows)
    return path


def test_lines_about_films_are_read_as_they_were_written(tmp_path: Path) -> None:
    general = {**ROW, "film": None, "file": None}
    path = written(tmp_path / "doubts.csv", ROW, general, {**ROW, "film": "=1+1", "landmarks": "", "annotator": ""})
    assert read_doubts(path) == [
        Doubt("set", "a", "train/a.png", "senior", ("A", "B"), "A and B appear to be swapped; swap them"),
        Doubt("set", "=1+1", "train/a.png", "", (), "A and B appear to be swapped; swap them"),
    ]


def test_a_spreadsheet_may_have_saved_it(tmp_path: Path) -> None:
    path = written(tmp_path / "doubts.csv", ROW)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert [doubt.film_id for doubt in read_doubts(path)] == ["a"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "has no column data_set, film"),
        (b"film,x\na,1\n", "has no column data_set, file"),
        (b"\x00\xff\xfe", "cannot be read"),
        (",".join(COLUMNS).encode() + b"\na,b\n", "line 2: not as many cells as columns"),
        (",".join(COLUMNS).encode() + b"\n" + b"a," * 20 + b"\n", "line 2: not as many cells as columns"),
        (",".join(COLUMNS).encode() + b'\n"a', "cannot be read"),
        (",".join(COLUMNS).encode() + b"\n" + b"x" * 200_000 + b",,,,,,,,,,,,\n", "cannot be read"),
    ],
)
def test_another_file_is_a_clear_error(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "doubts.csv"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="that cephkit check wrote") as error:
        read_doubts(path)
    assert reason in str(error.value)
    assert str(path) in str(error.value)


def test_neither_a_folder_nor_nothing_is_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(SettingsError, match="cannot be read"):
            read_doubts(path)


def test_more_lines_than_any_check_writes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_DOUBTS > 100_000
    monkeypatch.setattr("cephkit.doubts.reader.MOST_DOUBTS", 2)
    with pytest.raises(SettingsError, match="more than 2 lines"):
        read_doubts(written(tmp_path / "doubts.csv", ROW, ROW, ROW))
    monkeypatch.setattr("cephkit.doubts.reader.LARGEST_TABLE", 100)
    with pytest.raises(SettingsError, match="more than 100 bytes"):
        read_doubts(written(tmp_path / "doubts.csv", ROW, ROW))

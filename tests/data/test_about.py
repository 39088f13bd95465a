from pathlib import Path

import pytest

from cephkit.cephalometry.about import About, read_about
from cephkit.errors import DataError


def write(folder: Path, text: str) -> Path:
    path = folder / "about.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_known_about_each_film(tmp_path: Path) -> None:
    text = "\ufefffilm, Age ,sex,pixel_size_mm,extra\na,12.5,F,0.1,x\n\nb,,male,,\nc\n"
    assert read_about(write(tmp_path, text)) == {
        "a": About(0.1, 12.5, "female"),
        "b": About(None, None, "male"),
        "c": About(),
    }


def test_the_machine_map_is_one(tmp_path: Path) -> None:
    text = "cephalogram_id,machine,pixel_size,image_format,mode\na1,ART Plus,0.1,png,Train\n"
    assert read_about(write(tmp_path, text)) == {"a1": About(0.1)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column film or cephalogram_id, found nothing"),
        ("id,age\n", "found id, age"),
        ("film,age\na,old\n", r"line 2 \(a\): age is 'old', expected 0 to 120"),
        ("film,age\na,nan\n", "age is 'nan'"),
        ("film,pixel_size_mm\na,100\n", "pixel size is '100', expected 0.005 to 2"),
        ("film,sex\na,x\n", "sex is 'x', expected female or male"),
        ("film,age\na,1\na,2\n", "line 3: film 'a' is there twice"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_about(write(tmp_path, text))


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_about(tmp_path / "none.csv")

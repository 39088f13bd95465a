import unicodedata
from pathlib import Path

import pytest

from cephkit.data.about import About, about_lines, read_about
from cephkit.data.names import film_key, of_film
from cephkit.data.spacing import Spacing, square
from cephkit.errors import DataError


def write(folder: Path, text: str) -> Path:
    path = folder / "about.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_known_about_each_film(tmp_path: Path) -> None:
    text = "\ufefffilm, Age ,sex,pixel_size_mm,extra\na,12.5,F,0.1,x\n\nb,,male,,\nc\n"
    assert read_about(write(tmp_path, text)) == {
        "a": About(square(0.1, "about.csv"), 12.5, "female"),
        "b": About(None, None, "male"),
        "c": About(),
    }


def test_the_machine_map_is_one(tmp_path: Path) -> None:
    text = "cephalogram_id,machine,pixel_size,image_format,mode\na1,ART Plus,0.1,png,Train\n"
    assert read_about(write(tmp_path, text)) == {"a1": About(square(0.1, "about.csv"))}


def test_pixels_that_are_not_square_have_two_sides(tmp_path: Path) -> None:
    text = "cephalogram_id,machine,row_mm,column_mm\na,M,0.2,0.1\nb,M,,\n"
    assert read_about(write(tmp_path, text)) == {"a": About(Spacing(0.2, 0.1, "about.csv")), "b": About()}


def test_names_are_compared_without_case_and_in_one_unicode_form() -> None:
    nfd, nfc = unicodedata.normalize("NFD", "Müller"), unicodedata.normalize("NFC", "müller")
    about = {film_key(f"{nfd}.PNG"): About(age=9.0, film=f"{nfd}.PNG"), film_key("B"): About(age=10.0, film="B")}
    assert of_film(about, Path(f"{nfc}.png")) == About(age=9.0)
    assert of_film(about, Path("films/b.dcm")) == About(age=10.0)
    assert of_film(about, Path("c.png")) is None


def test_films_and_rows_without_each_other_are_said(tmp_path: Path) -> None:
    about = read_about(write(tmp_path, "film,age\na,1\nOther,2\n"))
    assert about_lines(about, [Path("A.png"), Path("new.png")]) == [
        "1 film(s) have no row in --about: new.png",
        "1 row(s) of --about name no film here: Other",
    ]
    assert about_lines(about, [Path("a.png"), Path("other.jpg")]) == []
    assert about_lines({}, [Path("a.png")]) == []


def test_decimal_commas_are_read_between_semicolons_and_refused_between_commas(tmp_path: Path) -> None:
    text = "film;age;ruler_x1;ruler_y1;ruler_x2;ruler_y2;ruler_mm\na;12,5;0,5;0;100,5;0;10,0\n"
    assert read_about(write(tmp_path, text)) == {"a": About(square(0.1, "ruler in about.csv"), 12.5)}
    with pytest.raises(DataError, match=r"line 2 \(a\): 4 cells for 3 columns: decimal commas between commas"):
        read_about(write(tmp_path, "film,pixel_size_mm,age\na,0,1,12\n"))
    assert read_about(write(tmp_path, 'film,pixel_size_mm\na,"0,1",,\n')) == {"a": About(square(0.1, "about.csv"))}


def test_a_ruler_tells_the_pixel_size(tmp_path: Path) -> None:
    text = "film,ruler_x1,ruler_y1,ruler_x2,ruler_y2,ruler_mm\na,100,50,100,450,40\n"
    assert read_about(write(tmp_path, text)) == {"a": About(square(0.1, "ruler in about.csv"))}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column film or cephalogram_id, found nothing"),
        ("id,age\n", "found id, age"),
        ("film,age\na,old\n", r"line 2 \(a\): age is 'old', expected 0 to 120"),
        ("film,age\na,nan\n", "age is 'nan'"),
        ("film,pixel_size_mm\na,100\n", "pixel size is '100', expected 0.005 to 2"),
        ("film,sex\na,x\n", "sex is 'x', expected female or male"),
        ("film,pixel_size_mm,ruler_mm\na,0.1,50\n", "has a pixel size and a ruler"),
        ("film,ruler_x1,ruler_mm\na,10,50\n", "ruler_x1 ruler_y1 ruler_x2 ruler_y2 ruler_mm cannot be used"),
        ("film,ruler_x1,ruler_y1,ruler_x2,ruler_y2,ruler_mm\na,9,9,9,9,50\n", "0.0 pixels apart"),
        ("film,row_mm,column_mm\na,0.1,\n", r"line 2 \(a\): row_mm and column_mm go together"),
        ("film,pixel_size_mm,row_mm,column_mm\na,0.1,0.1,0.1\n", "go together, and without a pixel size"),
        ("film,row_mm,column_mm\na,0.1,9\n", "row_mm and column_mm cannot be used"),
        ("film,age\na,1\na,2\n", r"line 3 \(a\): film 'a' appears twice"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_about(write(tmp_path, text))


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_about(tmp_path / "none.csv")

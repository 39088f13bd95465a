from pathlib import Path

import pytest

from cephkit.errors import FilmError, LabelError, SettingsError
from cephkit.interchange.films import pictured, with_films
from cephkit.interchange.record import read_records
from tests.interchange.films import write_label, write_picture, write_prediction

POINT = {"A": (10.0, 20.0)}


def test_a_label_files_film_is_found_by_its_name_and_measured(tmp_path: Path) -> None:
    write_picture(tmp_path / "films" / "f.JPG", width=60, height=80)
    (film,) = pictured(with_films(read_records([write_label(tmp_path / "f.json", POINT)]), tmp_path / "films"))
    assert (film.file, film.width, film.height) == ("f.JPG", 60, 80)


def test_a_prediction_needs_no_films(tmp_path: Path) -> None:
    (film,) = pictured(with_films(read_records([write_prediction(tmp_path / "f.json")]), None))
    assert film.file == "f.png"


def test_a_label_file_without_films_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="neither name nor size of their film: f; give --films FOLDER"):
        pictured(with_films(read_records([write_label(tmp_path / "f.json", POINT)]), None))


def test_no_folder_no_film_and_two_films_are_refused(tmp_path: Path) -> None:
    records = read_records([write_label(tmp_path / "f.json", POINT)])
    with pytest.raises(SettingsError, match="no such folder"):
        with_films(records, tmp_path / "films")
    write_picture(tmp_path / "films" / "g.png")
    with pytest.raises(SettingsError, match=r"no film for .*f\.json; the folder must contain one 'f'"):
        with_films(records, tmp_path / "films")
    for ending in ("png", "bmp"):
        write_picture(tmp_path / "films" / f"f.{ending}")
    with pytest.raises(SettingsError, match=r"2 films f\.bmp, f\.png"):
        with_films(records, tmp_path / "films")


def test_a_broken_film_is_refused(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "f.png").write_bytes(b"no film")
    with pytest.raises(FilmError):
        with_films(read_records([write_label(tmp_path / "f.json", POINT)]), tmp_path / "films")


def test_a_landmark_outside_its_film_is_refused(tmp_path: Path) -> None:
    write_picture(tmp_path / "films" / "f.png", width=60, height=80)
    records = read_records([write_label(tmp_path / "f.json", {"A": (59.5, 79.5), "B": (59.6, 3.0)})])
    with pytest.raises(LabelError, match=r"outside the film of 60x80 pixels: B \(59\.6, 3\.0\)"):
        pictured(with_films(records, tmp_path / "films"))


def test_two_results_of_films_of_one_name_are_refused(tmp_path: Path) -> None:
    film = {"file": "f.png", "width": 3000, "height": 3000}
    files = [write_prediction(tmp_path / f"{name}.json", film=film) for name in ("f", "f-2")]
    with pytest.raises(SettingsError, match=r"both belong to a film f\.png"):
        pictured(read_records(files))

from pathlib import Path

import pytest

from cephkit.errors import FilmError, LabelError, SettingsError
from cephkit.interchange.films import (
    EDGES,
    LABELS,
    colour,
    layout,
    model_tag,
    on_films,
    read_records,
    with_films,
    write_files,
)
from cephkit.landmarks.shipped import AARIZ
from tests.interchange.films import write_label, write_picture, write_prediction

POINT = {"A": (10.0, 20.0)}


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    files = [write_label(tmp_path / folder / name, POINT) for folder, name in (("a", "f.json"), ("b", "F.json"))]
    with pytest.raises(SettingsError, match="name one film"):
        read_records(files)


def test_a_folder_in_order_of_name(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_label(tmp_path / f"{name}.json", {})
    assert [record.film_id for record in read_records([tmp_path])] == ["a", "b"]


@pytest.mark.parametrize(
    ("film", "said"),
    [
        ({"file": "../f.png"}, "expected a name without folders"),
        ({"file": "a\\f.png"}, "expected a name without folders"),
        ({"file": "f\n.png"}, "expected a name without folders"),
        ({"hash": "\ud800"}, "half a character"),
    ],
)
def test_names_that_no_file_can_have_are_not_exported(tmp_path: Path, film: dict[str, str], said: str) -> None:
    with pytest.raises(LabelError, match=said):
        read_records([write_prediction(tmp_path / "f.json", film=film)])


def test_who_made_a_record(tmp_path: Path) -> None:
    prediction, label = write_prediction(tmp_path / "f.json"), write_label(tmp_path / "g.json", POINT)
    assert [model_tag(record) for record in read_records([prediction, label])] == [
        *("best.pth two stages 1234567890ab", LABELS)
    ]


def test_a_label_files_film_is_found_by_its_name_and_measured(tmp_path: Path) -> None:
    write_picture(tmp_path / "films" / "f.JPG", width=60, height=80)
    (film,) = on_films(with_films(read_records([write_label(tmp_path / "f.json", POINT)]), tmp_path / "films"))
    assert (film.file, film.size) == ("f.JPG", (80, 60))


def test_a_prediction_needs_no_films(tmp_path: Path) -> None:
    (film,) = on_films(with_films(read_records([write_prediction(tmp_path / "f.json")]), None))
    assert film.file == "f.png"


def test_a_label_file_without_films_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="neither name nor size of their film: f; use --films FOLDER"):
        on_films(with_films(read_records([write_label(tmp_path / "f.json", POINT)]), None))


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
        on_films(with_films(records, tmp_path / "films"))


def test_two_results_of_films_of_one_name_are_refused(tmp_path: Path) -> None:
    film = {"file": "f.png", "width": 3000, "height": 3000}
    files = [write_prediction(tmp_path / f"{name}.json", film=film) for name in ("f", "f-2")]
    with pytest.raises(SettingsError, match=r"both belong to a film f\.png"):
        on_films(read_records(files))


def failing() -> bytes:
    raise AssertionError("made before it was allowed")


def test_nothing_is_written_where_one_file_is_there(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"old")
    with pytest.raises(SettingsError, match="already there; choose another --out, or use --overwrite"):
        write_files(tmp_path, {"a": failing, "b": failing}, [], overwrite=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b"]
    assert write_files(tmp_path, {"b": lambda: b"new"}, [], overwrite=True) == [tmp_path / "b"]
    assert (tmp_path / "b").read_bytes() == b"new"


def test_what_is_being_read_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(SettingsError, match="is being read"):
        write_files(tmp_path, {"a": failing}, [tmp_path / "x" / ".." / "a"], overwrite=True)
    assert (tmp_path / "a").read_bytes() == b"old"


def test_an_error_leaves_no_half_file(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        write_files(tmp_path / "out", {"a": lambda: b"whole", "b": failing}, [], overwrite=False)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]


def test_edges_join_landmarks_once() -> None:
    assert {symbol for edge in EDGES for symbol in edge} == set(AARIZ.symbols)
    assert len({frozenset(edge) for edge in EDGES}) == len(EDGES)


def test_the_template_is_a_face_that_looks_right_within_its_square() -> None:
    place = layout(AARIZ)
    assert tuple(place) == AARIZ.symbols
    assert all(5 <= value <= 95 for point in place.values() for value in point)
    assert place["N"][0] > place["S"][0]
    assert place["Me"][1] > place["N"][1]


def test_tissues_have_colours_of_their_own() -> None:
    assert tuple(colour(AARIZ[symbol]) for symbol in ("A", "UIT", "Ls")) == ("#56b4e9", "#f0e442", "#ff8c3c")

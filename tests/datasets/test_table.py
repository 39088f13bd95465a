"""Tables of landmarks, long and wide."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from cephkit.data.film import SPLITS, Points
from cephkit.data.labelled import LabelledFilms
from cephkit.errors import DataError
from cephkit.interchange.tables import table_files
from cephkit.records.record import LandmarkRecord
from tests.datasets.published import CL, ISBI, SIZE, face, picture, source, write_csv, write_films


def read(root: Path, **options: object) -> LabelledFilms:
    found = source(root, **options)
    return found.read([split for split in SPLITS if found.has(split)])


def long_rows(films: Sequence[str], *more: object) -> list[list[object]]:
    return [[name, symbol, x, y, *more] for k, name in enumerate(films) for symbol, (x, y) in face(k).items()]


def wide_head(names: Sequence[object], style: str = "{}_{}") -> list[str]:
    return [style.format(name, axis) for name in names for axis in "xy"]


def wide_row(points: Points, symbols: Sequence[str] = ISBI) -> list[float]:
    return [value for symbol in symbols for value in points[symbol]]


NAMES = ("a.png", "b.png")


def points_of(found: LabelledFilms) -> dict[str, dict[str, Points]]:
    assert found.problems == ()
    return {film.film_id: film.annotations for film in found.films}


EXPECTED = {"a": {"senior": face(0)}, "b": {"senior": face(1)}}


@pytest.mark.parametrize("where", [".", "films"])
@pytest.mark.parametrize("head", [["film", "symbol", "x", "y"], ["Image", "Landmark", "X_px", "Y_px"]])
def test_a_long_table(tmp_path: Path, head: list[str], where: str) -> None:
    write_films(tmp_path / where, NAMES)
    path = write_csv(tmp_path / "labels.csv", head, long_rows(NAMES))
    assert points_of(read(tmp_path)) == points_of(read(path)) == EXPECTED


@pytest.mark.parametrize("style", ["{}_{}", "{}.{}", "{} {}", "{}_{}_px"])
def test_a_wide_table_with_names(tmp_path: Path, style: str) -> None:
    write_films(tmp_path, NAMES)
    rows = [[f"C:\\films\\{name[:-4]}", *wide_row(face(seed))] for seed, name in enumerate(NAMES)]
    write_csv(tmp_path / "labels.csv", ["image_path", *wide_head(ISBI, style)], rows)
    assert points_of(read(tmp_path)) == EXPECTED


@pytest.mark.parametrize(
    ("style", "first"), [("{}_{}", 1), ("p{}{}", 1), ("p{}_{}", 1), ("{}{}", 0), ("{1}{0}", 1), ("{1}_{0}", 0)]
)
def test_a_wide_table_with_numbers_needs_a_schema(tmp_path: Path, style: str, first: int) -> None:
    write_films(tmp_path, NAMES)
    head = wide_head(range(first, first + 38), style)
    rows = [[name, 0.096, *wide_row(face(seed, CL), CL)] for seed, name in enumerate(NAMES)]
    write_csv(tmp_path / "labels.csv", ["image file", "spacing(mm)", *head], rows)
    found = read(tmp_path, landmarks="cl_detection2023")
    assert points_of(found) == {"a": {"senior": face(0, CL)}, "b": {"senior": face(1, CL)}}
    assert {film.spacing and film.spacing.mean_mm for film in found.films} == {0.096}
    with pytest.raises(
        DataError, match=f"numbered from {first} to {first + 37}; name them, in this order, with --land"
    ):
        read(tmp_path)
    with pytest.raises(DataError, match="ISBI 2015 has 19"):
        read(tmp_path, landmarks="isbi2015")


def test_numbers_follow_the_order_of_a_file(tmp_path: Path) -> None:
    write_films(tmp_path / "set", ["a.png"])
    write_csv(tmp_path / "set" / "t.csv", ["film", *wide_head((1, 2, 3))], [["a", 1, 2, 3, 4, 5, 6]])
    schema = tmp_path / "mine.yaml"
    schema.write_text("landmarks: [Me, {symbol: Xi, title: Xi, tissue: bone}, S]", encoding="utf-8")
    assert points_of(read(tmp_path / "set", landmarks=str(schema))) == {
        "a": {"senior": {"Me": (1, 2), "Xi": (3, 4), "S": (5, 6)}}
    }


def test_the_tables_of_isbi_on_kaggle(tmp_path: Path) -> None:
    films = tmp_path / "cepha400" / "cepha400"
    write_films(films, ["001.jpg", "151.jpg", "301.jpg"])
    picture(1, (2400, 1935)).save(films / "001.jpg")
    for part, name in (("train", "001.jpg"), ("test1", "151.jpg"), ("test2", "301")):
        write_csv(
            tmp_path / f"{part}_senior.csv", ["image_path", *wide_head(range(1, 20))], [[name, *wide_row(face())]]
        )
    found = read(tmp_path)
    assert points_of(found) == {name: {"senior": face()} for name in ("001", "151", "301")}
    assert [(film.split, film.spacing and film.spacing.mean_mm) for film in found.films] == [
        ("train", 0.1), ("valid", None), ("test", None),
    ]  # fmt: skip


def test_tables_called_like_splits(tmp_path: Path) -> None:
    write_films(tmp_path / "films", NAMES)
    for split, name in zip(("train", "val"), NAMES, strict=True):
        write_csv(tmp_path / f"{split}.csv", ["film", "symbol", "x", "y"], long_rows([name]))
    assert {film.film_id: film.split for film in read(tmp_path).films} == {"a": "train", "b": "valid"}
    write_csv(tmp_path / "more.csv", ["film", "symbol", "x", "y"], long_rows(NAMES))
    with pytest.raises(DataError, match=r"several tables of landmarks: more\.csv, train\.csv, val\.csv"):
        read(tmp_path)


def test_what_else_a_line_may_say(tmp_path: Path) -> None:
    write_films(tmp_path, NAMES)
    head = [
        "film",
        "symbol",
        "x",
        "y",
        "annotator",
        "row_mm",
        "column_mm",
        "machine",
        "split",
        "patient",
        "first_pixel",
    ]
    rows = [
        [name, symbol, x + 1, y + 1, who, "0,1", 0.2, "Orthophos", split, "Ann", 1]
        for k, (name, split) in enumerate(zip(NAMES, ("train", "Validation"), strict=True))
        for who, seed in (("Junior Orthodontist", k + 5), ("Senior Orthodontist", k))
        for symbol, (x, y) in face(seed).items()
    ]
    write_csv(tmp_path / "labels.csv", head, rows)
    found = read(tmp_path)
    assert points_of(found) == {
        "a": {"senior": face(0), "junior": face(5)},
        "b": {"senior": face(1), "junior": face(6)},
    }
    for film, split in zip(found.films, ("train", "valid"), strict=True):
        assert film.spacing is not None
        assert (film.spacing.row_mm, film.spacing.column_mm) == (0.1, 0.2)
        assert (film.machine, film.split) == ("Orthophos", split)


def test_films_of_a_patient_stay_together(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in range(30)]
    write_films(tmp_path, names)
    rows = [[name, 20, 30, 40, 50, number // 3] for number, name in enumerate(names)]
    write_csv(tmp_path / "labels.csv", ["film", *wide_head(("S", "N")), "patient"], rows)
    splits: dict[int, set[str]] = {}
    for film in read(tmp_path).films:
        splits.setdefault(int(film.film_id) // 3, set()).add(film.split)
    assert all(len(found) == 1 for found in splits.values())


def test_two_annotators_of_any_name(tmp_path: Path) -> None:
    write_films(tmp_path, ["a.png"])
    rows = [["a", 1, 2, "Zoe"], ["a", 3, 4, "Bob"]]
    path = write_csv(tmp_path / "labels.csv", ["film", *wide_head("S"), "annotator"], rows)
    found = read(tmp_path)
    assert points_of(found) == {"a": {"senior": {"S": (1, 2)}, "junior": {"S": (3, 4)}}}
    assert f"{path}: 'Zoe' counts as senior, 'Bob' counts as junior" in [note.text for note in found.notes]
    write_csv(path, ["film", *wide_head("S"), "annotator"], [*rows, ["a", 5, 6, "Eve"]])
    with pytest.raises(DataError, match="3 annotators: 'Zoe', 'Bob', 'Eve'; two can be told apart"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["landmarks_long.csv", "landmarks_wide.csv"])
def test_what_cephkit_exports_is_read_but_not_what_a_model_found(tmp_path: Path, name: str) -> None:
    write_films(tmp_path, NAMES)
    records = [LandmarkRecord(face(k), film_id=n[:-4], file=n, size=SIZE) for k, n in enumerate(NAMES)]
    (tmp_path / name).write_bytes(table_files(records)[name]())
    assert points_of(read(tmp_path)) == EXPECTED
    records = [LandmarkRecord(face(), scores=dict.fromkeys(ISBI, 0.5), file="a.png", film_id="a")]
    (tmp_path / "landmarks_long.csv").write_bytes(table_files(records)["landmarks_long.csv"]())
    with pytest.raises(DataError, match="holds what a model found"):
        read(tmp_path / "landmarks_long.csv")


def test_films_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for folder in ("mon/x", "tue/x"):
        write_films(tmp_path / folder, ["a.png"])
    write_csv(tmp_path / "t.csv", ["film", *wide_head("S")], [["/elsewhere/tue/x/a.png", 1, 2]])
    assert [film.path.parent.parent.name for film in read(tmp_path).films] == ["tue"]
    write_csv(tmp_path / "t.csv", ["film", *wide_head("S")], [["a.png", 1, 2], ["tue/x/a.png", 1, 2]])
    (problem,) = read(tmp_path).problems
    assert "line 2: 2 films are called 'a.png'" in str(problem)


HEAD = ["film", "symbol", "x", "y", "pixel_size_mm", "split", "first_pixel"]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (["a", "S", "1", "z", "", "train", ""], "S: expected x and y, found '1' and 'z'"),
        (["a", "S", "1", "", "", "train", ""], "S: expected x and y, found '1' and ''"),
        (["a", "S", "1e9", "1", "", "train", ""], "S: 1e+09, 1 is on no film"),
        (["a", "S", "inf", "1", "", "train", ""], "S: inf, 1 is on no film"),
        (["a", "N", "1", "2", "", "train", ""], "N appears twice for this film and annotator"),
        (["a", "", "1", "2", "", "train", ""], "the line names no landmark"),
        (["", "S", "1", "2", "", "train", ""], "the line names no film"),
        (["../a/c", "S", "1", "2", "", "train", ""], "there is no film 'c'"),
        (["data:image/png;base64,AA", "S", "1", "2", "", "train", ""], "the picture stands in the file itself"),
        (["a", "S", "1", "2", "7", "train", ""], "its pixel size cannot be used: pixel_size_mm '7'"),
        (["a", "S", "1", "2", "x", "train", ""], "its pixel size cannot be used: pixel_size_mm 'x'"),
        (["a", "S", "1", "2", "", "both", ""], "split is 'both', and 'train' in another line of this film"),
        (["b", "S", "1", "2", "", "both", ""], "split is 'both', expected train, valid or test"),
        (["b", "S", "1", "2", "", "", ""], "its split is not given"),
        (["a", "S", "1", "2", "", "train", "3"], "first_pixel is '3', expected 0 or 1"),
        (["a", "S", "1", "2", "", "train", "", "9"], "8 cells for 7 columns: decimal commas between commas?"),
    ],
    ids=str,
)
def test_bad_lines_are_named(tmp_path: Path, row: list[str], complaint: str) -> None:
    write_films(tmp_path, NAMES)
    write_csv(
        tmp_path / "t.csv", HEAD, [["a", "N", "3", "4", "", "train", ""], ["a", "Me", "", "nan", "", "", ""], row]
    )
    found = read(tmp_path)
    assert any(f"t.csv, line 4: {complaint}" in str(problem) for problem in found.problems)


def test_all_bad_lines_are_named_at_once(tmp_path: Path) -> None:
    write_films(tmp_path, NAMES)
    (tmp_path / "t.csv").write_text(
        'sep=;\nfilm;symbol;x;y\n\na;S;1;?\n"b";N;?;"2"\nc;Me;1;2\nc;S;1;2\n', encoding="utf-8"
    )
    problems = [str(problem) for problem in read(tmp_path).problems]
    assert sorted(problem.partition(", line ")[2][:1] for problem in problems) == ["4", "5", "6"]


def test_unknown_landmarks_are_told_at_once(tmp_path: Path) -> None:
    write_films(tmp_path, NAMES)
    write_csv(tmp_path / "t.csv", ["film", *wide_head(("S", "Foo", "Bar"))], [["a", 1, 2, 3, 4, 5, 6]])
    with pytest.raises(DataError, match=r"2 landmarks are unknown: 'Foo', 'Bar'; .*--landmarks"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no column film or"),
        (b"film,x,y\n", "no columns of landmarks; expected film, symbol, x and y; or film, S_x"),
        (b"film,S_x,S_y,S.x\n", "two columns for x of 'S'"),
        (b"PK\x03\x04rest", "is an Excel or LibreOffice workbook"),
        (b"film,S_x,S_y\n" + b"a,1,2\n" * 40 + b"\xff,3,4\n", "is neither UTF-8 nor"),
        (b"film,S_x,S_y\n", "no film in this table of landmarks data set"),
        (b"film,S_x,S_y\n" + b"c,3,4\n" * 60 + b"d\0,3,4\n", "no film in this table"),
        (b'film,S_x,S_y\n"' + b"a" * 200_000, "the table cannot be read"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_table_of_another_kind_is_an_error(tmp_path: Path, content: bytes, complaint: str) -> None:
    write_films(tmp_path, NAMES)
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=re.escape(complaint)):
        source(tmp_path / "t.csv").read(("train",))

"""The list of films: names that last, and what a data set says."""

from pathlib import Path

from cephkit.data.aariz import AarizFolder
from cephkit.data.about import About
from cephkit.data.film import Split
from cephkit.data.names import film_key
from cephkit.data.spacing import square
from cephkit.landmarks.shipped import AARIZ
from cephkit.review.datasets import listed_dataset
from cephkit.review.films import ReviewFilm, film_ids, films_of_datasets, films_of_folder
from tests.conftest import write_tiny_aariz


def of_aariz(root: Path, *splits: Split) -> list[ReviewFilm]:
    return films_of_datasets([listed_dataset("set", AarizFolder(root), splits)], AARIZ, {})


def ids(*names: str) -> list[str]:
    root = Path("films")
    return film_ids([root / name for name in names], root)


def test_a_film_is_named_after_its_file() -> None:
    assert ids("a.png", "b.c.dcm", "1.2.840") == ["a", "b.c", "1.2.840"]


def test_films_of_subfolders_are_named_after_these_too() -> None:
    assert ids("a.png", "left/a.png", "right/deep/a.png") == ["a", "left_a", "right_deep_a"]


def test_films_that_differ_by_their_endings_or_case_have_names_of_their_own() -> None:
    found = ids("a.jpg", "a.png", "A.PNG", "a.png.png", "sub/a.jpg", "sub_a.jpg")
    assert found[:2] == ["a", "a.png"]
    assert len({film_key(name) for name in found}) == len(found)


def test_adding_a_film_renames_no_other() -> None:
    some, more = ("b.png", "x/b.png"), ("a.png", "b.png", "w/b.png", "x/b.png")
    before, after = (dict(zip(names, ids(*names), strict=True)) for names in (some, more))
    assert {name: after[name] for name in some} == before


def test_about_counts_before_the_flag_and_names_films_with_or_without_ending() -> None:
    about = {film_key("a"): About(square(0.2, "about.csv"), 12.0, "female"), film_key("b.png"): About(age=30.0)}
    a, b = films_of_folder([Path("f/a.png"), Path("f/b.png")], Path("f"), about, square(0.1, "--pixel_size_mm"))
    assert (a.spacing, a.subject.age, a.subject.sex) == (square(0.2, "about.csv"), 12.0, "female")
    assert (b.spacing, b.subject.age, b.subject.sex) == (square(0.1, "--pixel_size_mm"), 30.0, None)
    assert (a.file, a.split, dict(a.truth), a.annotator) == ("a.png", None, {}, None)


def test_a_data_set_brings_splits_labels_and_pixel_sizes(tiny_aariz: Path) -> None:
    films = of_aariz(tiny_aariz)
    assert [film.n for film in films] == list(range(12))
    assert {film.split for film in films} == {"train", "valid", "test"}
    film = films[0]
    assert film.file == "train/Cephalograms/t0.png"
    assert film.annotator == "senior"
    assert film.spacing is not None
    assert film.spacing.mean_mm == 0.5
    assert film.mean_truth == film.truth["senior"] == film.truth["junior"]


def test_a_label_that_cannot_be_read_is_a_fault_of_its_film_alone(tmp_path: Path) -> None:
    root = write_tiny_aariz(tmp_path / "set", train=3, valid=1)
    labels = root / "train" / "Annotations" / "Cephalometric Landmarks"
    for name in ("Senior Orthodontists", "Junior Orthodontists"):
        (labels / name / "t1.json").write_text("{")
        (labels / name / "t2.json").unlink()
    t0, t1, t2, _ = of_aariz(root, "train", "valid")
    assert (t0.faults, t0.oddities) == ((), ())
    assert t1.annotator is None
    assert "t1.json: not JSON" in t1.faults[0]
    assert "film without landmarks of any annotator" in t2.faults[0]


def test_what_is_odd_about_a_label_is_told_apart_from_its_faults(tmp_path: Path) -> None:
    root = write_tiny_aariz(tmp_path / "set", train=1, valid=1)
    label = next(root.rglob("Senior Orthodontists/t0.json"))
    label.write_text(label.read_text().replace('"t0"', '"x7"'))
    film = of_aariz(root, "train")[0]
    assert film.faults == ()
    assert "ceph_id 'x7' is not the file's name" in film.oddities[0]


def test_labels_are_opened_when_they_are_asked_for(tmp_path: Path) -> None:
    root = write_tiny_aariz(tmp_path / "set", train=2, valid=1)
    films = of_aariz(root, "train", "valid")
    for label in root.rglob("Annotations/**/*.json"):
        label.write_text("{")
    assert "not JSON" in films[0].faults[0]

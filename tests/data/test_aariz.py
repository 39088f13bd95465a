import shutil
from pathlib import Path

import pytest

from cephkit.data.aariz import LabelNames, list_aariz, read_aariz, read_labels
from cephkit.data.labels import landmarks_json
from cephkit.data.spacing import square
from cephkit.errors import DataError
from tests.data.aariz_folder import JUNIOR, POINTS, SENIOR, AarizMaker


def test_films_labels_and_machines(maker: AarizMaker) -> None:
    maker.add("train", "b")
    maker.add("train", "a", suffix=".jpg", junior={"A": (1.0, 2.0)}, pixel_size="0.144")
    maker.add("valid", "c", pixel_size=None)
    folder = read_aariz(maker.root, ("train", "valid"))
    assert folder.problems == ()
    assert [(film.split, film.film_id) for film in folder.films] == [("train", "a"), ("train", "b"), ("valid", "c")]
    a, _, c = folder.films
    assert a.annotations == {"senior": POINTS, "junior": {"A": (1.0, 2.0)}}
    assert (a.machine, a.spacing) == ("ART Plus", square(0.144, "machine map"))
    assert (c.machine, c.spacing) == (None, None)
    assert a.size is None  # films are not decoded


def test_labels_and_rows_find_films_whatever_the_case(maker: AarizMaker) -> None:
    maker.add("train", "Film")
    for path in maker.root.glob("train/Annotations/*/*/Film.json"):
        path.rename(path.with_stem("FILM"))
    maker.rows[0][0] = "film.png"
    maker.rows.append(["stranger", "ART Plus", "0.1", "png", "Train"])
    maker.add("valid", "v", pixel_size=None)
    maker.write_map()
    folder = read_aariz(maker.root, ("train",))
    assert folder.problems == ()
    (film,) = folder.films
    assert (film.points("senior"), film.spacing) == (POINTS, square(0.1, "machine map"))
    second = maker.write_label("train", "Film", landmarks_json("Film", POINTS))
    if not second.samefile(second.with_stem("FILM")):  # names may differ in case alone here
        (problem,) = read_aariz(maker.root, ("train",)).problems
        assert "a second label of Senior Orthodontists" in problem.text
    assert folder.notes[-1].text == "rows of cephalogram_machine_mappings.csv without a film: 1: stranger"
    notes = read_aariz(maker.root, ("valid",)).notes
    assert "films without a row in cephalogram_machine_mappings.csv: 1: v" in [note.text for note in notes]


@pytest.mark.parametrize("ending", [".png", ".PNG", ".jpg", ".JPG", ".Jpeg", ".JPEG", ".bmp", ".BMP", ".tif", ".TIFF"])
def test_every_ending_in_any_case(maker: AarizMaker, ending: str) -> None:
    maker.add("train", "a").rename(maker.film_path("train", "a" + ending))
    assert [film.path.name for film in read_aariz(maker.root, ("train",)).films] == ["a" + ending]


def test_folder_names_in_any_case(maker: AarizMaker) -> None:
    maker.add("train", "a")
    train = maker.root / "train"
    (train / "Annotations" / "Cephalometric Landmarks" / SENIOR).rename(
        train / "Annotations" / "Cephalometric Landmarks" / SENIOR.upper()
    )
    (train / "Annotations" / "Cephalometric Landmarks").rename(train / "Annotations" / "cephalometric landmarks")
    (train / "Annotations").rename(train / "ANNOTATIONS")
    (train / "Cephalograms").rename(train / "cephalograms")
    train.rename(maker.root / "Train")
    map_path = maker.root / "cephalogram_machine_mappings.csv"
    map_path.rename(maker.root / "Cephalogram_Machine_Mappings.CSV")
    (film,) = read_aariz(maker.root, ("train",)).films
    assert film.annotations == {"senior": POINTS, "junior": POINTS}
    assert film.spacing == square(0.1, "machine map")


def test_one_annotator_may_be_absent(maker: AarizMaker) -> None:
    maker.add("train", "a", junior=None)
    folder = read_aariz(maker.root, ("train",))
    assert folder.problems == ()
    assert folder.films[0].annotations == {"senior": POINTS}


def test_leavings_of_file_managers_are_no_films(maker: AarizMaker) -> None:
    maker.add("train", "a")
    maker.film_path("train", "._a.png").write_bytes(b"x")
    maker.film_path("train", "Thumbs.db").write_bytes(b"x")
    maker.label_path("train", "._a").write_text("x")
    folder = read_aariz(maker.root, ("train",))
    assert [film.film_id for film in folder.films] == ["a"]
    assert folder.problems == ()


def test_all_problems_in_one_go(maker: AarizMaker) -> None:
    maker.add("train", "good")
    maker.add("train", "nolabel", senior=None, junior=None)
    maker.add("train", "empty", senior={}, junior={})
    maker.add("train", "torn")
    maker.write_label("train", "torn", '{"landmarks": [')
    maker.write_label("train", "nofilm", landmarks_json("nofilm", POINTS), JUNIOR)
    maker.add("train", "twice")
    maker.add("train", "twice", suffix=".bmp")
    problems = {problem.film_id: problem for problem in read_aariz(maker.root, ("train",)).problems}
    assert set(problems) == {"nolabel", "empty", "torn", "nofilm", "twice"}
    assert "film without landmarks of any annotator" in problems["nolabel"].text
    assert "film without landmarks of any annotator" in problems["empty"].text
    assert problems["torn"].path == maker.label_path("train", "torn")
    assert problems["torn"].text.startswith("not JSON")
    assert problems["nofilm"].path == maker.label_path("train", "nofilm", JUNIOR)
    assert "label without a film" in problems["nofilm"].text
    assert problems["twice"].text == "one film id with 2 files: twice.bmp, twice.png"
    assert all(problem.remedy for problem in problems.values())
    assert str(problems["torn"]).startswith(f"train/torn: {maker.label_path('train', 'torn')}: not JSON")


def test_films_are_listed_without_a_look_into_their_labels(maker: AarizMaker) -> None:
    maker.add("train", "good", junior={"A": (1.0, 2.0)})
    maker.add("train", "torn", junior=None)
    maker.write_label("train", "torn", "{")
    maker.add("train", "twice")
    maker.add("train", "twice", suffix=".bmp")
    listed, folder = list_aariz(maker.root, ("train",)), read_aariz(maker.root, ("train",))
    good, torn = listed.films
    assert [(film.film_id, film.path, film.machine, film.spacing) for film in listed.films] == [
        (film.film_id, film.path, film.machine, film.spacing) for film in folder.films
    ]
    assert list(good.labels) == ["senior", "junior"]
    assert [problem.film_id for problem in listed.problems] == ["twice"]
    assert read_labels(good, LabelNames()) == (folder.films[0].annotations, [], [])
    annotations, problems, _ = read_labels(torn, LabelNames())
    assert (annotations, [problem.text for problem in problems]) == ({}, [folder.problems[1].text])
    assert listed.notes == folder.notes


def test_cvm_stages_are_optional_and_a_torn_one_is_a_note(maker: AarizMaker) -> None:
    for name in ("a", "b", "c"):
        maker.add("train", name)
    stages = maker.root / "train" / "Annotations" / "CVM Stages"
    stages.mkdir()
    (stages / "a.json").write_text('{"cvm_stage": {"value": 5}}')
    (stages / "b.json").write_text("{")
    folder = read_aariz(maker.root, ("train",))
    assert [film.cvm_stage for film in folder.films] == [5, None, None]
    assert folder.problems == ()
    assert [note.text for note in folder.notes] == ["train: CVM stage of 1 films cannot be read: b"]


def test_without_a_machine_map_no_film_has_a_pixel_size(maker: AarizMaker) -> None:
    maker.add("train", "a", pixel_size=None)
    folder = read_aariz(maker.root, ("train",))
    assert folder.films[0].spacing is None
    assert any("no cephalogram_machine_mappings.csv" in note.text for note in folder.notes)


def test_wrong_pixel_sizes_and_splits_are_noted(maker: AarizMaker) -> None:
    maker.add("train", "a", pixel_size="0")
    maker.add("train", "b")
    maker.rows[-1][-1] = "Test"
    maker.write_map()
    folder = read_aariz(maker.root, ("train",))
    assert folder.films[0].spacing is None
    assert any("pixel size not taken for 1 films: a (pixel size 0 is outside" in note.text for note in folder.notes)
    assert any(
        "split differs from the folder for 1 films: b (Test, lies in train)" in note.text for note in folder.notes
    )


def test_a_missing_root_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: no such folder; --dataset_path must name .* train/Cephalograms"):
        read_aariz(tmp_path / "nowhere")


def test_another_folder_says_what_was_looked_for_and_found(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    with pytest.raises(DataError, match=r"looked for train/Cephalograms, found holiday in"):
        read_aariz(tmp_path)


def test_a_folder_in_a_folder_is_hinted_at(maker: AarizMaker, tmp_path: Path) -> None:
    maker.add("train", "a")
    with pytest.raises(DataError, match="did you mean --dataset_path") as caught:
        read_aariz(tmp_path, ("train",))
    assert str(maker.root) in str(caught.value)


def test_a_missing_split_is_named(maker: AarizMaker) -> None:
    maker.add("train", "a")
    with pytest.raises(
        DataError, match=r"looked for valid/Cephalograms, found cephalogram_machine_mappings\.csv, train"
    ):
        read_aariz(maker.root, ("train", "valid"))


def test_two_spellings_of_one_folder_are_refused(maker: AarizMaker) -> None:
    maker.add("train", "a")
    try:
        shutil.copytree(maker.root / "train", maker.root / "Train")
    except OSError:
        pytest.skip("this file system does not tell upper from lower case")
    with pytest.raises(DataError, match="Train, train are the same name"):
        read_aariz(maker.root, ("train",))


def test_films_are_in_the_same_order_however_they_were_written(maker: AarizMaker) -> None:
    for name in ("c", "a", "b"):
        maker.add("train", name)
    assert [film.film_id for film in read_aariz(maker.root, ("train",)).films] == ["a", "b", "c"]


def test_a_film_is_not_opened(maker: AarizMaker) -> None:
    maker.add("train", "a").write_bytes(b"torn")
    folder = read_aariz(maker.root, ("train",))
    assert ([film.film_id for film in folder.films], folder.problems) == (["a"], ())

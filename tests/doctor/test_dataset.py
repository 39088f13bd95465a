from pathlib import Path

import numpy as np
import pytest

from cephkit.config import TrainConfig
from cephkit.doctor.checks import Check
from cephkit.doctor.dataset import Examination, examine
from tests.conftest import write_tiny_aariz
from tests.data.aariz_folder import POINTS, AarizMaker, noise
from tests.data.labelled_faces import HEIGHT, WIDTH, faces


@pytest.fixture
def maker(tmp_path: Path) -> AarizMaker:
    return AarizMaker(tmp_path / "Aariz")


def examination(root: Path, **more: object) -> Examination:
    settings = {"image_size": (64, 64), "cache_dir": root.parent / "cache", **more}
    return examine(TrainConfig(dataset_path=(root,), **settings))  # type: ignore[arg-type]


def named(examined: Examination, name: str) -> list[Check]:
    return [check for check in examined.checks if check.name == name]


def test_a_healthy_data_set(tmp_path: Path) -> None:
    examined = examination(write_tiny_aariz(tmp_path / "Aariz", train=7, valid=3, test=2))
    assert (examined.train, examined.valid, examined.landmarks) == (7, 3, 4)
    (films,), (sizes,), (machines,) = (named(examined, name) for name in ("films", "film sizes", "machines"))
    assert films.found == "7 train, 3 valid, 2 test; 12 png"
    assert sizes.found == "all 80 x 90 pixels"
    assert machines.found == "1: Tiny (12 films); 0.5 mm a pixel"
    (landmarks, absent), doubts = named(examined, "landmarks"), named(examined, "pixel sizes")
    assert len(doubts) == 1  # the heads are tiny
    assert landmarks.found.startswith(
        "4 landmarks by Senior Orthodontists; 10 of 10 films marked by both annotators, a median of 0.0 mm"
    )
    assert absent.found.startswith("left out of the model, as no train film has them: 25 landmarks")
    assert {check.status for check in examined.checks if check not in (absent, *doubts)} == {"ok"}


def test_all_broken_films_are_shown_at_once(maker: AarizMaker) -> None:
    for name in ("a", "b", "c", "d"):
        maker.add("train", name)
    maker.add("valid", "v")
    maker.add("test", "e")
    maker.film_path("train", "b.png").write_bytes(b"")
    maker.film_path("test", "e.png").write_bytes(b"no image")
    maker.write_label("train", "c", "{")
    maker.add("train", "f", senior={"S": (500.0, 5.0)})
    (check,) = named(examination(maker.root), "broken films")
    assert check.status == "failure"
    assert check.found.startswith("3 films or labels cannot be used")
    assert len(check.found.splitlines()) == 4
    assert all(part in check.found for part in ("train/b: ", "train/c: ", "not JSON", "train/f: ", "S (500.0, 5.0)"))
    assert "--skip_bad_films" in check.remedy
    (tested,) = named(examination(maker.root), "broken test films")
    assert tested.status == "warning"
    assert "test/e: " in tested.found


def test_broken_films_that_will_be_left_out_are_a_warning(maker: AarizMaker) -> None:
    for split, name in (("train", "a"), ("train", "b"), ("valid", "v")):
        maker.add(split, name)
    maker.film_path("train", "b.png").write_bytes(b"")
    examined = examination(maker.root, skip_bad_films=True)
    assert [check.status for check in named(examined, "broken films")] == ["warning"]
    assert examined.train == 1


def test_a_missing_split_does_not_hide_broken_films_of_another(maker: AarizMaker) -> None:
    maker.add("train", "a")
    maker.add("train", "b")
    maker.film_path("train", "b.png").write_bytes(b"")
    examined = examination(maker.root)
    (missing,), (broken,) = named(examined, "data set"), named(examined, "broken films")
    assert missing.status == broken.status == "failure"
    assert "valid/Cephalograms" in missing.found
    assert "train/b" in broken.found
    assert examined.train == 1


def test_a_split_with_nothing_but_broken_films_shows_them_all(maker: AarizMaker) -> None:
    maker.add("train", "a")
    maker.add("valid", "v")
    maker.film_path("valid", "v.png").write_bytes(b"")
    examined = examination(maker.root)
    assert any("no usable film in valid" in check.found for check in named(examined, "data set"))
    assert len(named(examined, "broken films")) == 1


def test_no_data_set_at_all(tmp_path: Path) -> None:
    examined = examination(tmp_path / "nowhere")
    (check,) = named(examined, "data set")
    assert check.status == "failure"
    assert "no such folder" in check.found
    assert check.remedy.startswith("--dataset_path must name")
    assert (examined.train, examined.landmarks) == (0, 29)


def test_landmarks_of_nobody(maker: AarizMaker) -> None:
    for split in ("train", "valid"):
        maker.add(split, split, junior=None)
    (check,) = named(examination(maker.root, annotation_type="Junior Orthodontists"), "data set")
    assert check.status == "failure"
    assert "no film has landmarks of junior" in check.found


@pytest.mark.parametrize(
    ("first", "second", "name", "found"),
    [
        ("train", "valid", "duplicates across splits", "left out of train"),
        ("train", "test", "duplicates across splits", "left out of train"),
        ("valid", "test", "duplicates across splits", "same pixels in valid and test"),
        ("train", "train", "duplicates", "same pixels twice in one split"),
    ],
)
def test_duplicates(maker: AarizMaker, first: str, second: str, name: str, found: str) -> None:
    for split in ("train", "valid", "test"):
        maker.add(split, f"{split}0")
    maker.add(first, "one", grey=noise(99))
    maker.add(second, "two", grey=noise(99))
    (check,) = named(examination(maker.root), name)
    assert check.status == "warning"
    assert found in check.found
    assert check.remedy


def test_doubtful_pixel_sizes_and_labels(maker: AarizMaker) -> None:
    far = {"S": (5.0, 5.0), "N": (45.0, 5.0)}  # 4 mm
    for index in range(6):
        maker.add("train", f"t{index}", senior=far, junior=far, pixel_size="10" if index == 5 else "0.1")
    maker.add("valid", "v", senior=POINTS, junior={**POINTS, "A": (20.0, 55.0)}, pixel_size="1.0")
    examined = examination(maker.root)
    (doubt,) = [check for check in named(examined, "pixel sizes") if "in doubt" in check.found]
    (missing,) = [check for check in named(examined, "pixel sizes") if "no pixel size" in check.found]
    (table,), (outlier,) = named(examined, "machine map"), named(examined, "outlying labels")
    assert {one.status for one in (doubt, missing, table, outlier)} == {"warning"}
    assert "S-N is 4 mm on 6 films of ART Plus" in doubt.found
    assert "1 films: train/t5" in missing.found
    assert "pixel size 10 is outside" in table.found
    assert "valid/v A 25 mm" in outlier.found


def test_without_a_machine_map_and_a_test_split(maker: AarizMaker) -> None:
    for split in ("train", "valid"):
        maker.add(split, split, pixel_size=None)
    examined = examination(maker.root)
    for name in ("machines", "machine map", "pixel sizes", "test films"):
        assert [check.status for check in named(examined, name)] == ["warning"], name


def test_impossible_labels_fail_and_doubtful_ones_warn(maker: AarizMaker) -> None:
    good = [film.points("senior") for film in faces(3)]
    lips = {**good[2], "Ls": good[2]["Li"], "Li": good[2]["Ls"]}
    grey = np.zeros((HEIGHT, WIDTH), np.uint8)
    for index, points in enumerate((good[0], {**good[1], "A": (0.0, 0.0)})):
        maker.add("train", f"t{index}", senior=points, junior=points, grey=grey + index)
    maker.add("valid", "v", senior=lips, junior=lips, grey=grey + 9)
    examined = examination(maker.root)
    (broken,) = named(examined, "broken films")
    assert broken.status == "failure"
    assert "label of senior: A lies in a corner of the film" in broken.found
    (doubt,) = named(examined, "labels in doubt")
    assert doubt.status == "warning"
    assert "valid/v (junior): Li and Ls appear to be swapped" in doubt.found
    assert examined.train == 1


def test_missing_marks_are_counted(maker: AarizMaker) -> None:
    maker.add("train", "a")
    maker.add("train", "b", senior={"S": (10.0, 10.0)})
    maker.add("valid", "v")
    check = named(examination(maker.root), "landmarks")[0]
    assert check.status == "warning"
    assert "2 marks missing on 1 films: A on 1, N on 1" in check.found


def test_small_films_are_enlarged_for_nothing(tmp_path: Path) -> None:
    root = write_tiny_aariz(tmp_path / "Aariz", train=2, valid=1, test=1)
    (check,) = named(examination(root, image_size=(256, 256)), "film sizes")
    assert check.status == "warning"
    assert "4 of 4 are enlarged" in check.found
    assert "--image_size 96 96" in check.remedy


def test_a_truth_that_no_validation_film_has_is_a_failure(maker: AarizMaker) -> None:
    maker.add("train", "a")
    maker.add("valid", "v", junior=None)
    checks = named(examination(maker.root, truth="junior"), "landmarks")
    assert [check.status for check in checks if "--truth junior" in check.found] == ["failure"]


@pytest.mark.parametrize("more", [{"landmarks": "none.yaml"}, {"leave_out": ("nobody",)}])
def test_a_data_set_that_cannot_be_named_so_is_one_failure(tmp_path: Path, more: dict[str, object]) -> None:
    (check,) = examination(write_tiny_aariz(tmp_path / "Aariz", train=2, valid=1), **more).checks
    assert check.status == "failure"
    assert "none.yaml: no such file" in check.found or "the data sets are Aariz" in check.found


def test_a_layout_without_a_film_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "isbi" / "400_senior").mkdir(parents=True)
    (tmp_path / "isbi" / "400_senior" / "001.txt").write_text("1,2", encoding="utf-8")
    (check,) = examination(tmp_path / "isbi").checks
    assert (check.status, check.name) == ("failure", "data set")
    assert "no film in this ISBI 2015 data set" in check.found

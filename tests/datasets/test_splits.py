"""Which film is in which split."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from cephkit.data.film import Split
from cephkit.datasets.splits import Splitting, spelled_split
from cephkit.errors import DataError


@dataclass(frozen=True)
class Listed:
    film_id: str
    split: Split | None = None
    patient: str = ""


def films(count: int, per_patient: int = 1) -> list[Listed]:
    return [Listed(f"f{n:03d}", patient=f"p{n // per_patient}" if per_patient > 1 else "") for n in range(count)]


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "splits.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_data_set_keeps_its_own_splits() -> None:
    own = [Listed("a", "test"), Listed("b", "train")]
    assert Splitting(seed=3).of(own) == {"a": "test", "b": "train"}
    assert Splitting().notes(own, Path("x")) == []


def test_a_draw_has_the_shares_and_depends_on_the_seed_alone() -> None:
    drawn = Splitting(seed=1).of(films(200))
    assert Counter(drawn.values()) == {"train": 140, "valid": 30, "test": 30}
    assert drawn == Splitting(seed=1).of(films(200)[::-1])
    assert drawn != Splitting(seed=2).of(films(200))
    (note,) = Splitting(seed=1).notes(films(200), Path("mine"))
    assert note.text == "mine: drawn with --split_seed 1: 140 train, 30 valid, 30 test"


@pytest.mark.parametrize("per_patient", [2, 3, 7])
@pytest.mark.parametrize("seed", range(5))
def test_films_of_one_patient_stay_together(per_patient: int, seed: int) -> None:
    listed = films(60, per_patient)
    drawn = Splitting(seed=seed).of(listed)
    splits = {
        film.patient: {drawn[other.film_id] for other in listed if other.patient == film.patient} for film in listed
    }
    assert all(len(found) == 1 for found in splits.values())
    assert Counter(drawn.values())["train"] >= 42
    (note,) = Splitting(seed=seed).notes(listed, Path("mine"))
    assert f"films of each of {-(-60 // per_patient)} patients are together" in note.text


def test_a_table_names_splits_or_patients(tmp_path: Path) -> None:
    listed = [*films(3), Listed("own", "train")]
    rows = "film;split\nf000.png;Training\nF001;val\nf002;TEST\nown;test\nstranger;train\n"
    assert Splitting(table(tmp_path, rows)).of(listed) == {
        "f000": "train",
        "f001": "valid",
        "f002": "test",
        "own": "test",
    }
    patients = "film,patient\n" + "\n".join(f"f{n:03d},p{n // 10}" for n in range(40))
    drawn = Splitting(table(tmp_path, patients)).of(films(40))
    assert all(len({drawn[f"f{n:03d}"] for n in range(40) if n // 10 == p}) == 1 for p in range(4))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("film,split\nf000,train\n", "has no split for 2 films: f001 f002"),
        (
            "film,split\nf000,train\nf001,both\nf000,test\n",
            "line 3: 'both' is not train, valid or test, line 4: 'f000' is in",
        ),
        ("film,colour\nf000,red\n", "has neither a column split nor a column patient"),
        ("film,split\n\nf000,train\n\nf001\nf002,test\n", "line 5: '' is not train, valid or test"),
        ("split\ntrain\n", "no column film"),
        ("", "no column film"),
    ],
)
def test_a_table_that_cannot_be_used_is_an_error(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(DataError) as caught:
        Splitting(table(tmp_path, text)).of(films(3))
    assert complaint.replace(" f002", ", f002") in str(caught.value)


@pytest.mark.parametrize(
    ("name", "split"), [("val", "valid"), ("Test", "test"), ("training", "train"), ("images", None)]
)
def test_names_of_folders(name: str, split: str | None) -> None:
    assert spelled_split(name) == split


@pytest.mark.parametrize(
    ("count", "per_patient", "splits"), [(2, 1, 2), (3, 1, 3), (4, 1, 3), (60, 20, 3), (40, 20, 2)]
)
def test_few_films_or_patients_still_validate_and_train(count: int, per_patient: int, splits: int) -> None:
    for seed in range(5):
        drawn = Splitting(seed=seed).of(films(count, per_patient))
        assert len(set(drawn.values())) == splits
        assert {"train", "valid"} <= set(drawn.values())
